import { describe, expect, it } from "vitest";
import type { Candidate } from "../../shared/api/types";
import { sortRows, treeRows } from "./lineage";

const candidate = (id: string, parents: string[] = [], score?: number): Candidate => ({
  candidate_id: id,
  parents,
  scores: score === undefined ? undefined : { aggregate: score },
});

describe("treeRows", () => {
  it("puts children below their first known parent", () => {
    const rows = treeRows([
      candidate("a"),
      candidate("b", ["a"]),
      candidate("c", ["gone"]),
      candidate("d", ["b", "a"]),
      candidate("e", ["a"]),
    ]);
    expect(rows.map((row) => [row.candidate.candidate_id, row.depth])).toEqual([
      ["a", 0],
      ["b", 1],
      ["d", 2],
      ["e", 1],
      ["c", 0],
    ]);
  });

  it("loses nobody in a ring", () => {
    expect(treeRows([candidate("a", ["b"]), candidate("b", ["a"]), candidate("c", ["c"])])).toHaveLength(3);
  });

  it("takes thousands, one below the other", () => {
    const chain = Array.from({ length: 5000 }, (_, n) => candidate(`${n}`, n ? [`${n - 1}`] : []));
    expect(treeRows(chain).at(-1)?.depth).toBe(4999);
  });
});

it("sorts, and puts what has no value last", () => {
  const all = [candidate("a", [], 0.2), candidate("b"), candidate("c", [], 0.9)];
  const ids = (descending: boolean) =>
    sortRows(all, "score", descending).map((row) => row.candidate.candidate_id);
  expect(ids(true)).toEqual(["c", "a", "b"]);
  expect(ids(false)).toEqual(["a", "c", "b"]);
});
