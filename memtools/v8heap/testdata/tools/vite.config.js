import './held.mjs';

export default { build: { outDir: 'dist/vite', emptyOutDir: true } };
