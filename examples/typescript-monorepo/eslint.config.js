import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/dist/"] },
  js.configs.recommended,
  {
    // Rules that need types: each package's lint runs the type checker, which is where its memory goes.
    files: ["**/*.ts", "**/*.tsx"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // An interface may ask for a promise that one implementation does not need.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["**/test/**"],
    rules: {
      // node:test returns promises from describe and it, and waits for them itself.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["describe", "it", "before", "after"] }] },
      ],
      // Answers of a service are plain JSON until a test looks into them.
      "@typescript-eslint/no-unsafe-assignment": "off",
    },
  },
  { files: ["packages/web/src/**"], plugins: { "react-hooks": reactHooks }, rules: reactHooks.configs.recommended.rules },
  {
    files: ["**/*.mjs", "eslint.config.js"],
    languageOptions: { globals: { console: "readonly", process: "readonly" } },
  },
);
