import { expect, it } from "vitest";
import type { Job } from "../shared/api/types";
import { pairsOf, sameData, sameKeys, scoresOf, settingRows } from "./differences";

const job = (changes: Job): Job => ({
  source_prompt_uri: "prompts:/a/1",
  dataset: { dataset_id: "d-1", digest: "x" },
  ...changes,
});

it("shows settings that differ, defaults included, and knows the others", () => {
  const jobs = [
    job({ config: { optimizer_type: "OPTIMIZER_TYPE_GEPA", seed: 1, scorers: ["exact_match"] } }),
    job({ config: { optimizer_type: "OPTIMIZER_TYPE_GEPA", seed: 2, scorers: ["exact_match"] } }),
  ];
  const rows = settingRows(jobs, [
    { optimizer_settings: { patience: null, merge: true } },
    { optimizer_settings: { merge: false } },
  ]);
  expect(rows.differing).toEqual([
    { name: "Seed", values: ["1", "2"] },
    { name: "Setting: merge", values: ["true", "false"] },
  ]);
  expect(rows.same.map(({ name }) => name)).toContain("Scorers");
});

it("reads a whole row and a row with holes, and pairs what both have", () => {
  const matrix = {
    example_ids: ["e1", "e2", "e3"],
    rows: [
      { candidate_id: "a", scores: [1, 0, 0.5] },
      { candidate_id: "b", columns: [2, 1], scores: [1, 0] },
    ],
  };
  const [a, b] = [scoresOf(matrix, "a"), scoresOf(matrix, "b")];
  expect([...b]).toEqual([
    ["e3", 1],
    ["e2", 0],
  ]);
  expect(pairsOf(a, b)).toEqual([0.5, 0]);
  expect(sameKeys(a, b)).toBe(false);
  expect(sameKeys(a, new Map([...a].reverse()))).toBe(true);
  expect(scoresOf(matrix, "c").size).toBe(0);
});

it("tells the same records from the same name", () => {
  expect(sameData([job({}), job({})])).toEqual({ data: true, records: true });
  const changed = job({ dataset: { dataset_id: "d-1", digest: "y" } });
  expect(sameData([job({}), changed])).toEqual({ data: false, records: true });
  expect(sameData([{}, {}])).toEqual({ data: false, records: false });
});
