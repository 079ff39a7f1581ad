// Bundles the page for the browser. Types are checked by tsc before, in the build script.
import { build } from "esbuild";
import { cp, readFile, rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const budget = 200 * 1024; // Bytes that the page may weigh on the wire.

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/main.tsx"],
  bundle: true,
  minify: true,
  sourcemap: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  outdir: "dist",
});
await Promise.all(["index.html", "style.css"].map((name) => cp(name, `dist/${name}`)));

const script = await readFile("dist/main.js");
const wire = gzipSync(script).length;
console.log(`dist/main.js  ${(script.length / 1024).toFixed(1)} kB, ${(wire / 1024).toFixed(1)} kB compressed`);
if (wire > budget) {
  console.error(`dist/main.js is larger than the ${budget / 1024} kB that the page may weigh`);
  process.exitCode = 1;
}
