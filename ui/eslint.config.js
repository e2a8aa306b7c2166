import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "node_modules", "src/shared/api/schema.d.ts", "public"] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  hooks.configs.flat.recommended,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "max-lines": ["error", 300],
      "no-restricted-properties": [
        "error",
        { property: "dangerouslySetInnerHTML", message: "Model output is text, never HTML." },
        { property: "innerHTML", message: "Model output is text, never HTML." },
      ],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "Model output is text, never HTML.",
        },
      ],
      "react-hooks/incompatible-library": "off", // it is about React's compiler, which is not used
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/only-throw-error": "off",
    },
  },
  { files: ["**/*.js"], ...ts.configs.disableTypeChecked },
);
