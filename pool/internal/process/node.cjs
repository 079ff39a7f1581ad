'use strict';
// Preloaded into a Node process by heapmage's pool. It speaks the pool's protocol
// on Node's own IPC channel. The script sees only tasks: through
// process.on('message'), or through parentPort as in a worker thread.
const threads = require('node:worker_threads');

// The script's own worker threads and forks preload this file too; they are no
// workers of the pool.
if (threads.isMainThread && process.env.HEAPMAGE_POOL_FD && process.channel) {
  delete process.env.HEAPMAGE_POOL_FD;
  start();
}

function start() {
  const { EventEmitter } = require('node:events');
  const { AsyncLocalStorage } = require('node:async_hooks');
  const emit = process.emit;
  const send = process.send;
  const nothing = () => {};
  const context = new AsyncLocalStorage(); // finds the task that a message answers, even a late one
  let current = null; // {id, answered, abort}

  const write = (frame) => send.call(process, frame, undefined, undefined, nothing);

  // Any message to the pool.
  const post = (value) => {
    const task = context.getStore() ?? current;
    if (task === null || task.answered) return;
    task.answered = true;
    const frame = answer(value);
    frame.id = task.id;
    try {
      write(frame);
    } catch (error) {
      write({ kind: 'error', id: task.id, error: `the answer cannot be sent: ${error.message}` });
    }
  };

  const deliver = (task, message) => {
    if (port.listenerCount('message') > 0) port.emit('message', message);
    else emit.call(process, 'message', message);
  };

  process.emit = function (name, frame, ...rest) {
    if (name !== 'message' || frame === null || typeof frame !== 'object') {
      return emit.call(this, name, frame, ...rest);
    }
    if (frame.kind === 'task') {
      const task = { id: frame.id, answered: false, abort: null };
      current = task;
      const message = { type: frame.type, data: frame.data };
      Object.defineProperty(message, 'signal', {
        configurable: true,
        get: () => (task.abort ??= new AbortController()).signal,
      });
      context.run(task, deliver, task, message);
    } else if (frame.kind === 'cancel') {
      if (current !== null && current.id === frame.id) {
        const { abort } = current;
        if (abort !== null) context.run(current, () => abort.abort());
      }
    }
    return true;
  };

  process.send = (message, ...rest) => {
    post(message);
    const callback = rest.find((r) => typeof r === 'function');
    if (callback) process.nextTick(callback, null);
    return true;
  };

  // The script is ready when it adds its first listener for messages. Node keeps
  // what comes before.
  process.on('newListener', function announce(name) {
    if (name !== 'message') return;
    process.removeListener('newListener', announce);
    process.nextTick(write, { kind: 'ready', v: 1 });
  });

  // parentPort, as far as it can be imitated without a second thread.
  class Port extends EventEmitter {
    #handler = null;
    #wrapped = new Map();
    constructor() {
      super();
      this.on('newListener', (name) => {
        // A port keeps the process alive while it has listeners. A listener for
        // 'disconnect' from the start would keep it alive for ever.
        if (name === 'message' && this.listenerCount('message') === 0) process.on('message', nothing);
        if (name === 'close' && this.listenerCount('close') === 0) process.once('disconnect', () => this.emit('close'));
      });
      this.on('removeListener', (name) => {
        if (name === 'message' && this.listenerCount('message') === 0) process.removeListener('message', nothing);
      });
    }
    postMessage(value) { post(value); }
    start() {}
    close() { if (process.connected) process.disconnect(); }
    ref() { process.channel?.ref(); }
    unref() { process.channel?.unref(); }
    hasRef() { return true; }
    addEventListener(name, listener, options) {
      const call = (data) => {
        const event = { type: name, data, target: this, currentTarget: this };
        if (typeof listener === 'function') listener.call(this, event);
        else listener.handleEvent(event);
      };
      this.removeEventListener(name, listener);
      this.#wrapped.set(listener, call);
      if (options?.once) this.once(name, call);
      else this.on(name, call);
    }
    removeEventListener(name, listener) {
      const call = this.#wrapped.get(listener);
      this.#wrapped.delete(listener);
      if (call) this.removeListener(name, call);
    }
    get onmessage() { return this.#handler; }
    set onmessage(listener) {
      if (this.#handler) this.removeEventListener('message', this.#handler);
      this.#handler = typeof listener === 'function' ? listener : null;
      if (this.#handler) this.addEventListener('message', this.#handler);
    }
  }
  const port = new Port();
  threads.parentPort = port;
  if (writtenForThread(process.argv[1])) threads.isMainThread = false;
  require('node:module').syncBuiltinESMExports();
}

function answer(value) {
  if (value !== null && typeof value === 'object' && typeof value.success === 'boolean') {
    if (!value.success) return failure(value);
    return { kind: 'result', result: 'result' in value ? value.result : value };
  }
  return { kind: 'result', result: value };
}

function failure(value) {
  const { error } = value;
  const frame = { kind: 'error', error: 'the worker reports a failure without a reason' };
  if (error !== null && typeof error === 'object') {
    // JSON shows nothing of an Error.
    frame.error = String(error.message ?? JSON.stringify(error));
    frame.detail = { ...error, name: error.name, stack: error.stack };
  } else {
    if (error !== undefined && error !== null && error !== '') frame.error = String(error);
    frame.detail = value;
  }
  return frame;
}

// A script for a thread may do nothing, or start threads, in the main thread.
function writtenForThread(path) {
  try {
    const text = require('node:fs').readFileSync(path, 'utf8');
    return text.includes('parentPort') && !/process\s*\.\s*on\(\s*['"`]message/.test(text);
  } catch {
    return false;
  }
}
