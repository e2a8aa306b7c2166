import { expect, it } from "vitest";
import { commonNames, fieldsOf, labelOf } from "./settings";

const patience = { anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }], default: null };
const schema = {
  properties: {
    patience,
    reflection_model: { type: "string" },
    rewrite: { type: "boolean", default: true, description: "Write it out." },
    frontier: { anyOf: [{ type: "string", enum: ["a", "b"] }, { type: "null" }], default: null },
    teacher_prompt_uri: { type: "string", minLength: 1 },
    roles: { type: "array", items: { type: "string" } },
  },
  required: ["teacher_prompt_uri"],
};

it("reads kinds, bounds and words from the schema; what is needed first, what all have last", () => {
  const common = commonNames([schema, { properties: { patience } }]);
  const fields = fieldsOf(schema, common);
  expect(fields.map(({ name, kind }) => [name, kind])).toEqual([
    ["teacher_prompt_uri", "text"],
    ["frontier", "choice"],
    ["rewrite", "boolean"],
    ["roles", "json"],
    ["patience", "integer"],
  ]);
  expect(fields.find(({ name }) => name === "patience")).toMatchObject({ minimum: 1, required: false });
  expect(fields.find(({ name }) => name === "rewrite")).toMatchObject({
    default: true,
    description: "Write it out.",
  });
  expect(labelOf("max_demonstrations")).toBe("Max demonstrations");
});
