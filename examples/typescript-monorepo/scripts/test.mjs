// Runs the tests of the package in the current folder: all of them, or those whose path
// contains one of the arguments (`npm test -- money`). Starts the files with the flags that
// it was started with itself, so `node --import tsx` reaches them too.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const wanted = process.argv.slice(2);
const files = (await readdir("test"))
  .filter((name) => /\.test\.tsx?$/.test(name))
  .map((name) => join("test", name))
  .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
  .sort();

if (files.length === 0) {
  console.error(wanted.length > 0 ? `no test file matches ${wanted.join(" ")}` : "there are no tests");
  process.exit(1);
}
run({ files, concurrency: true })
  .on("test:fail", ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1;
  })
  .compose(new spec())
  .pipe(process.stdout);
