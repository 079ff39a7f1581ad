#!/usr/bin/env node
import { run } from "./program.js";

const world = { environment: process.env, print: (text: string) => void process.stdout.write(`${text}\n`) };

void run(process.argv.slice(2), world, (text) => process.stderr.write(text)).then((code) => {
  process.exitCode = code;
});
