// Bundles the command line into one file that needs nothing but Node. The members are
// read from their sources (the condition @acme/source), so no build has to come first.
import { analyzeMetafile, build } from "esbuild";
import { readFile, stat } from "node:fs/promises";

const { version } = JSON.parse(await readFile("packages/cli/package.json", "utf8"));
const outfile = "dist/acme.cjs";

const { metafile } = await build({
  entryPoints: ["packages/cli/src/main.ts"],
  outfile,
  bundle: true,
  minify: true,
  sourcemap: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  conditions: ["@acme/source"],
  banner: { js: `// acme ${version}` },
  metafile: true,
});

const { size } = await stat(outfile);
const report = await analyzeMetafile(metafile);
console.log(report.split("\n").slice(0, 12).join("\n"));
console.log(`\n${outfile}  ${(size / 1024).toFixed(1)} kB`);
