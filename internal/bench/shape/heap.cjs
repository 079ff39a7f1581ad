// Takes [2] MB of V8's heap at [3] MB a second, with as much garbage, and keeps it
// for [4] ms. It never returns to the event loop, like a compiler.
const [size, rate, hold] = process.argv.slice(-3).map(Number);
const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const kept = [];
for (let i = 0; i < size; i++) {
  new Array(1 << 17).fill(i); // 1 MB
  kept.push(new Array(1 << 17).fill(i));
  wait(1000 / rate);
}
wait(hold);
console.log("kept " + kept.length);
