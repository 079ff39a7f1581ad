import { build } from 'esbuild';

await build({ entryPoints: ['src/index.js'], bundle: true, minify: true, sourcemap: true, outfile: 'dist/esbuild.js', logLevel: 'warning' });
console.log('bundled');
await new Promise((resolve) => setTimeout(resolve, 500)); // long enough to be seen
