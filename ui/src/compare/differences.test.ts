import { expect, it } from "vitest";
import type { Job } from "../shared/api/types";
import { sameData, settingRows } from "./differences";

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

it("tells the same records from the same name", () => {
  expect(sameData([job({}), job({})])).toEqual({ data: true, records: true });
  const changed = job({ dataset: { dataset_id: "d-1", digest: "y" } });
  expect(sameData([job({}), changed])).toEqual({ data: false, records: true });
  expect(sameData([{}, {}])).toEqual({ data: false, records: false });
});
