// Reads a trace from standard input with the trace engine of Chromium's DevTools, and prints what
// it made of it.
import { readFileSync } from "node:fs";
import * as Trace from "@paulirish/trace_engine/models/trace/trace.js";

const events = JSON.parse(readFileSync(0, "utf8"));
const engine = Trace.Processor.TraceProcessor.createWithAllHandlers();
await engine.parse(events, { isCPUProfile: false, isFreshRecording: false });
const { Meta, Renderer, Flows } = engine.data;

const slices = [];
for (const [pid, process] of Renderer.processes) {
  for (const [tid, thread] of process.threads) {
    const visit = (nodes, depth) => {
      for (const node of nodes) {
        const { name, ts, dur, args } = node.entry;
        slices.push({ pid, tid, thread: thread.name, depth, name, ts, dur, args: args ?? {} });
        visit(node.children, depth + 1);
      }
    };
    visit(thread.tree.roots, 0);
  }
}
console.log(JSON.stringify({
  end: Meta.traceBounds.max,
  processes: Object.fromEntries([...Meta.processNames].map(([pid, e]) => [pid, e.args.name])),
  threads: [...Meta.threadsInProcess].flatMap(([pid, threads]) => [...threads.values()].map((e) => `${pid}: ${e.args.name}`)),
  slices,
  flows: Flows.flows.map((flow) => flow.map((e) => e.name)),
}));
