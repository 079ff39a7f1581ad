import { total } from "./total";

const lines = [
  { article: "BOLT-1042", pieces: 500, cents: 5 },
  { article: "NUT-0815", pieces: 200, cents: 3 },
];

console.log(`${lines.length} lines, ${(total(lines) / 100).toFixed(2)} EUR`);
