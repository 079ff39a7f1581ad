export default { build: { outDir: 'dist/vite', emptyOutDir: true } };
