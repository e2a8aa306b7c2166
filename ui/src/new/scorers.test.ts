import { expect, it } from "vitest";
import { readScorer, writeScorer } from "./scorers";

const KNOWN = ["exact_match", "contains", "registered:tone", "regex_match"];

it.each([
  ["exact_match", { name: "exact_match", argument: "", weight: "" }],
  ["contains:a=b", { name: "contains", argument: "a=b", weight: "" }],
  ["contains:a:b=2", { name: "contains", argument: "a:b", weight: "2" }],
  ["registered:tone=0.5", { name: "registered:tone", argument: "", weight: "0.5" }],
  ["max_length:200=must", { name: "max_length", argument: "200", weight: "must" }],
  ["regex_match:^a\n:b$", { name: "regex_match", argument: "^a\n:b$", weight: "" }],
])("reads %s and writes it the same", (text, spec) => {
  expect(readScorer(text, KNOWN)).toEqual(spec);
  expect(writeScorer(spec)).toBe(text);
});
