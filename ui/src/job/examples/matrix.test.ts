import { expect, it } from "vitest";
import { fatesOf, orderColumns, readMatrix } from "./matrix";

const matrix = readMatrix({
  example_ids: ["e0", "e1", "e2", "e3", "e4"],
  rows: [
    { candidate_id: "source", scores: [0, 1, 0, 1, 0.5] },
    { candidate_id: "tried", columns: [1, 3], scores: [1, 1], errors: [1] },
    { candidate_id: "best", scores: [1, 0, 0, 1, 0.5] },
  ],
});

it("puts scores of a row that was tried on a few where they belong", () => {
  expect(matrix.rows[1]?.scores).toEqual([undefined, 1, undefined, 1, undefined]);
  expect(matrix.rows[1]?.errors.has(1)).toBe(true);
});

it("says what became of each example", () => {
  expect(fatesOf(matrix, "source", "best")).toEqual(["fixed", "broken", "failing", "right", "other"]);
});

it("orders by what became of them, and by how hard they are", () => {
  const fates = fatesOf(matrix, "source", "best");
  expect(orderColumns(matrix, fates, "given")).toEqual([0, 1, 2, 3, 4]);
  expect(orderColumns(matrix, fates, "fate")).toEqual([1, 0, 2, 4, 3]);
  expect(orderColumns(matrix, fates, "hardest")[0]).toBe(2);
});

it("takes an empty answer", () => {
  expect(fatesOf(readMatrix({}), undefined, undefined)).toEqual([]);
});
