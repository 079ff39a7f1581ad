import './held.mjs';
import js from '@eslint/js';

// no-var reports on later.js, so that eslint has something to say and exits 1.
export default [js.configs.recommended, { rules: { 'no-var': 'error', 'no-undef': 'off' } }];
