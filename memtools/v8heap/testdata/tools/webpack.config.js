import './held.mjs';

export default {
  mode: 'production',
  devtool: 'source-map',
  entry: './src/index.js',
  output: { path: import.meta.dirname + '/dist/webpack' },
};
