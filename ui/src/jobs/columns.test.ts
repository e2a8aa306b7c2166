import { expect, it } from "vitest";
import { COLUMNS, fittingColumns, shownColumns, type ColumnKey } from "./columns";

const all = Object.keys(COLUMNS) as ColumnKey[];

it("shows what was not hidden, and always what the job is", () => {
  expect(shownColumns(undefined)).toEqual(all);
  expect(shownColumns(["prompt", "age"])).toEqual(all.filter((key) => key !== "age"));
});

it("gives up the least important where there is no room", () => {
  expect(fittingColumns(all, 1400)).toEqual(all);
  expect(fittingColumns(all, 1250)).not.toContain("dataset");
  expect(fittingColumns(all, 768)).toEqual(expect.arrayContaining(["status", "prompt", "score", "test"]));
  expect(fittingColumns(["status", "prompt"], 100)).toEqual(["status", "prompt"]);
});
