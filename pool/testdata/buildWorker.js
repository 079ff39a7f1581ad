// As the guide writes a worker: for a worker thread, as an ES module.
import { parentPort } from 'node:worker_threads';

async function buildPackage({ workspace }) {
  await new Promise((done) => setTimeout(done, 1));
  if (workspace === 'packages/broken') throw new Error(`cannot build ${workspace}`);
  return { workspace, built: true };
}

const handlers = { buildPackage };

parentPort.on('message', async (task) => {
  try {
    const handler = handlers[task.type];
    if (!handler) throw new Error(`Unknown task type: ${task.type}`);
    const result = await handler(task.data);
    parentPort.postMessage({ success: true, result });
  } catch (error) {
    parentPort.postMessage({ success: false, error: error.message });
  }
});
