// Makes a workspace of packages that allocate memory, most of them more than they are said to need, so that
// a build has to pause and stop some: node shop.mjs FOLDER.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Each takes megabytes in seconds, after others, and is said to need megabytes.
const packages = {
  core: [60, 3, [], 60],
  ui: [210, 8, ["core"], 70],
  api: [170, 7, ["core"], 60],
  web: [260, 9, ["core"], 90],
  docs: [90, 5, ["core"], 70],
  admin: [120, 5, ["ui", "api"], 160],
  search: [2000, 20, ["api"], 150], // it has a heap limit of its own, and dies of it
};

const root = process.argv[2];
const write = (name, text) => {
  mkdirSync(join(root, name, ".."), { recursive: true });
  writeFileSync(join(root, name), text);
};
write("package.json", JSON.stringify({ name: "shop", private: true, workspaces: ["packages/*"] }));
write("node_modules/.keep", "");
write("grow.mjs", `const [mb, seconds] = process.argv.slice(2).map(Number), kept = [], steps = seconds * 20;
let step = 0;
const timer = setInterval(() => {
  kept.push(Array.from({ length: (mb / steps) * 32768 }, (_, k) => ({ k })));
  for (const end = Date.now() + 10; Date.now() < end; );
  if (++step >= steps) clearInterval(timer);
}, 50);
`);
let needs = "";
for (const [name, [mb, seconds, after, need]] of Object.entries(packages)) {
  const build = `node ${name === "search" ? "--max-old-space-size=120 " : ""}../../grow.mjs ${mb} ${seconds}`;
  write(`packages/${name}/package.json`, JSON.stringify({ name: `@shop/${name}`, version: "1.0.0", scripts: { build }, dependencies: Object.fromEntries(after.map((a) => [`@shop/${a}`, "*"])) }));
  needs += `  "@shop/${name}": {need: ${need}MB}\n`;
}
write("heapmage.yaml", `budget: 480MB\npackages:\n${needs}`);
