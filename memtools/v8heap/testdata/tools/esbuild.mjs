import './held.mjs';
import { build } from 'esbuild';

await build({ entryPoints: ['src/index.js'], bundle: true, minify: true, sourcemap: true, outfile: 'dist/esbuild.js', logLevel: 'warning' });
console.log('bundled');
