import { expect, it } from "vitest";
import type { Candidate } from "../../shared/api/types";
import { bestOf, withBest } from "./best";

const candidates: Candidate[] = [
  { candidate_id: "s", status: "SOURCE", scores: { aggregate: 0.2 } },
  { candidate_id: "a", status: "ACCEPTED", scores: { aggregate: 0.6 } },
  { candidate_id: "r", status: "REJECTED", scores: { aggregate: 0.9 } },
  { candidate_id: "p", status: "PROPOSED" },
];

it("takes the best of those that were kept", () => {
  expect(bestOf(candidates)?.candidate_id).toBe("a");
  expect(bestOf([])).toBeUndefined();
});

it("fills in what a running job does not say yet, and nothing else", () => {
  expect(withBest({}, candidates)).toEqual({
    initial_eval_scores: { aggregate: 0.2 },
    final_eval_scores: { aggregate: 0.6 },
    best_candidate_id: "a",
  });
  const ended = { final_eval_scores: { aggregate: 0.5 }, best_candidate_id: "x" };
  expect(withBest(ended, candidates)).toBe(ended);
  expect(withBest({}, undefined)).toEqual({});
});
