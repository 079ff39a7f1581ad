'use strict';
// What heapmage preloads into the Node processes of a run. It lets worker threads keep
// their limits, and it is the heap agent, with which heapmage reads the figures of V8's
// heap and collects garbage, even while the program is inside one long synchronous call
// (docs/heap-agent-protocol.md). It must never harm the program: what fails here fails
// silently, and the program runs as if nothing had been preloaded. A script may start any
// Node: this file must be syntax that Node 10 reads.
(() => {
  const given = {}; // Server.OptionsIn writes here what is not in the environment
  const env = { ...process.env, ...given };
  const options = process.execArgv.join(' ') + ' ' + env.NODE_OPTIONS;
  let Worker; // as Node has it

  // V8 puts a --max-old-space-size before the resourceLimits of worker threads. They keep
  // those if heapmage alone set the flag; threads without one get the limit of the process.
  try {
    const ours = env.HEAPMAGE_WORKER_HEAP;
    const set = ours && options.match(/--max[-_]old[-_]space[-_]size\S*/g);
    if (set && set.length === 1 && set[0].endsWith('=' + ours)) {
      const threads = require('node:worker_threads');
      const limited = (given) => {
        if (!given || typeof given !== 'object') return given; // Node reports it
        const own = given.resourceLimits;
        if (own && typeof own.maxOldGenerationSizeMb === 'number') return given;
        return Object.create(given, { resourceLimits: { value: { ...own, maxOldGenerationSizeMb: +ours } } });
      };
      Worker = threads.Worker;
      threads.Worker = Worker.prototype.constructor = new Proxy(Worker, {
        construct(_, [file, given = {}, ...rest], target) {
          // The heap of this thread has its limit already, and keeps it.
          require('node:v8').setFlagsFromString('--max-old-space-size=0');
          return Reflect.construct(Worker, [file, limited(given), ...rest], target);
        },
      });
      module.constructor.syncBuiltinESMExports(); // for "import { Worker }"
    }
  } catch {
    // Threads are limited as the flag tells.
  }

  const path = env.HEAPMAGE_HEAP_SOCKET;
  if (!path || process.permission) return; // under the permission model a thread may do nothing
  try {
    require('node:fs').accessSync(path); // not there after the run, or for another user
    const threads = require('node:worker_threads');
    if (!threads.isMainThread) return; // the preload runs in each thread, so it would start itself for ever

    // Programs that only start others hold no heap worth collecting. A debugger or a
    // snapshot builder needs the process for itself.
    const script = process.argv[1] || '';
    if (/[\\/](?:npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack)(?:-cli)?(?:-\d[^\\/]*)?(?:\.[cm]?js)?$/.test(script)) return;
    if (/--inspect|--build-snapshot/.test(options)) return;

    // Loaded now: a request may come while the program is loading one of these itself, or what
    // they load. Then only a part of it would be there, for the program as well.
    const v8 = require('node:v8');
    const vm = require('node:vm');
    let gc;
    // The agent's thread finds the main thread's functions by this name.
    Object.defineProperty(process, Symbol.for('heapmage.heap'), {
      value: {
        stats() {
          const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
          return { used: heapUsed, total: heapTotal, limit: v8.getHeapStatistics().heap_size_limit, external, rss };
        },
        collect() {
          if (!gc) { // only now, so that a program that is never asked never pays; no global gc appears
            v8.setFlagsFromString('--expose-gc');
            gc = vm.runInNewContext('gc');
            v8.setFlagsFromString('--no-expose-gc');
          }
          // From Node 22 on this form also returns pages to the system. On 20 the object
          // form collects only the young generation.
          if (parseInt(process.versions.node, 10) >= 22) gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
          else gc();
        },
      },
    });

    const thread = `
      const { workerData } = require('node:worker_threads');
      const socket = require('node:net').connect(workerData.path);
      const send = (frame) => socket.write(JSON.stringify({ v: 1, ...frame }) + '\\n');
      socket.on('error', () => {});
      socket.on('close', () => process.exit()); // of this thread
      socket.on('connect', () => send({ type: 'hello', ...workerData.hello }));
      // In a process that lives on, the thread returns what its start left behind,
      // 2.3 MB. V8 collects and shrinks a heap once buffers of over 64 MB belong to it;
      // nothing writes to them, so they take only addresses. The first collection
      // empties pages, the next one returns them. From Node 26 on there is too little
      // to gain: 0.4 MB for some 20 ms of processor time.
      if (parseInt(process.versions.node, 10) < 26)
        for (const ms of [2000, 2100]) setTimeout(() => { try { new ArrayBuffer(100 * 2 ** 20); } catch {} }, ms);
      let text = '';
      socket.setEncoding('utf8').on('data', (data) => {
        text += data;
        if (text.length > 65536) return socket.destroy();
        for (let at; (at = text.indexOf('\\n')) >= 0; text = text.slice(at + 1)) answer(text.slice(0, at));
      });
      // A session lives for one request, so that a program is not being inspected
      // while there is none.
      function answer(line) {
        let frame;
        try { frame = JSON.parse(line); } catch { return socket.destroy(); }
        const heap = "process[Symbol.for('heapmage.heap')]";
        const expression = {
          stats: '({ after: ' + heap + '.stats() })',
          collect: '(() => { const h = ' + heap + ', before = h.stats(), t = process.hrtime.bigint(); h.collect();' +
            ' return { before, ms: Number(process.hrtime.bigint() - t) / 1e6, after: h.stats() }; })()',
        }[frame.type];
        if (!expression) return send({ id: frame.id, error: 'unknown request' });
        try {
          const session = new (require('node:inspector').Session)();
          session.connectToMainThread();
          session.post('Runtime.evaluate', { expression, returnByValue: true, silent: true }, (error, reply) => {
            session.disconnect();
            const thrown = !error && reply.exceptionDetails;
            const failed = error ? error.message : thrown && (thrown.exception && thrown.exception.description || thrown.text);
            send(failed ? { id: frame.id, error: String(failed).split('\\n')[0] } : { id: frame.id, ...reply.result.value });
          });
        } catch (error) {
          send({ id: frame.id, error: String(error && error.message) });
        }
      }
    `;
    // Node reports each new thread to process.on('worker'), from a callback that the
    // constructor queues. The program must not hear of this one.
    const { nextTick } = process;
    let worker;
    try {
      process.nextTick = (callback, ...args) => {
        if (!/process\.emit\('worker'/.test(callback)) nextTick(callback, ...args);
      };
      worker = new (Worker || threads.Worker)(thread, {
        eval: true,
        // Nothing of the program's: neither its preloads nor its loaders run here.
        env: {},
        execArgv: [],
        argv: [],
        workerData: {
          path,
          hello: { pid: process.pid, script, node: process.versions.node, task: env.HEAPMAGE_TASK || '' },
        },
        resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 4, stackSizeMb: 1 },
        name: 'heapmage',
        // By default they are piped into the program's, which opens those.
        stdout: true,
        stderr: true,
      });
    } finally {
      process.nextTick = nextTick;
    }
    worker.on('error', () => {});
    worker.unref(); // the process ends as if there were no thread
  } catch {
    // No agent in this Node. Its memory is still measured from outside.
  }
})();
