// Measures one pool of the npm registry: node peers.mjs NAME '{"tasks": 1000, …}'.
// Prints one line of JSON. The tasks are those of ours.go.
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const [name, text] = process.argv.slice(2);
const config = JSON.parse(text);

const pools = {
  piscina: async (workers) => {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({ filename: file('echo.mjs'), minThreads: workers, maxThreads: workers, concurrentTasksPerWorker: 1 });
    return { exec: (value) => pool.run(value), end: () => pool.destroy() };
  },
  tinypool: async (workers, runtime) => {
    const { default: Tinypool } = await import('tinypool');
    const pool = new Tinypool({ filename: file('echo.mjs'), runtime, minThreads: workers, maxThreads: workers, concurrentTasksPerWorker: 1 });
    return { exec: (value) => pool.run(value), end: () => pool.destroy() };
  },
  'jest-worker': async (workers, runtime) => {
    const { Worker } = await import('jest-worker');
    const pool = new Worker(file('echo.cjs'), { numWorkers: workers, enableWorkerThreads: runtime === 'worker_threads', exposedMethods: ['echo'] });
    return { exec: (value) => pool.echo(value), end: () => pool.end() };
  },
  workerpool: async (workers, runtime) => {
    const { default: workerpool } = await import('workerpool');
    const pool = workerpool.pool(file('workerpool.cjs'), {
      workerType: runtime === 'worker_threads' ? 'thread' : 'process', minWorkers: workers, maxWorkers: workers,
    });
    return { exec: (value) => pool.exec('echo', [value]), end: () => pool.terminate() };
  },
};

const [kind, runtime] = name.split('/');
const open = (workers) => pools[kind](workers, runtime);
const now = () => performance.now();

async function check(answer, value) {
  if (JSON.stringify(await answer) !== JSON.stringify(value)) throw new Error(`${name}: wrong answer`);
}

async function start() {
  const times = [];
  for (let i = 0; i < config.starts; i++) {
    const began = now();
    const pool = await open(1);
    await check(pool.exec({ n: i }), { n: i });
    times.push(now() - began);
    await pool.end();
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

async function inTurn(value, count) {
  const pool = await open(1);
  for (let i = 0; i < count / 10; i++) await check(pool.exec(value), value);
  const began = now();
  for (let i = 0; i < count; i++) await pool.exec(value);
  const took = now() - began;
  await pool.end();
  return took / count;
}

async function throughput(workers) {
  const pool = await open(workers);
  const run = async (count) => {
    let left = count;
    const caller = async () => {
      while (left-- > 0) await pool.exec({ n: left });
    };
    await Promise.all(Array.from({ length: 4 * workers }, caller));
  };
  await run(config.tasks / 10);
  const began = now();
  await run(config.tasks);
  const took = now() - began;
  await pool.end();
  return config.tasks / (took / 1000);
}

// Usage as docs/pool.md defines it, in bytes.
function usage(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return [...status.matchAll(/^(?:RssAnon|RssShmem|VmSwap):\s*(\d+) kB$/gm)].reduce((sum, [, kb]) => sum + kb * 1024, 0);
}

function children() {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1] === String(process.pid);
    } catch {
      return false;
    }
  });
}

async function memory() {
  const workers = 8;
  const before = usage(process.pid);
  const pool = await open(workers);
  const busy = [];
  for (let i = 0; i < 50 * workers; i++) busy.push(pool.exec({ n: i }));
  await Promise.all(busy);
  const processes = children();
  const all = processes.length > 0 ? processes.reduce((sum, pid) => sum + usage(pid), 0) : usage(process.pid) - before;
  await pool.end();
  return all / workers;
}

const megabyte = 'x'.repeat(1 << 20);
const result = {
  memory: await memory(),
  start: await start(),
  roundTrip: await inTurn({ n: 1 }, config.turns),
  two: await throughput(2),
  eight: await throughput(8),
  megabyte: await inTurn(megabyte, config.large),
};
console.log(JSON.stringify(result));
process.exit(0);
