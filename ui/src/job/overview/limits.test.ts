import { expect, it } from "vitest";
import { limitsOf } from "./limits";

it("shows each limit that there is, and what was spent of it", () => {
  const job = {
    usage: { calls: 528, prompt_tokens: 100, completion_tokens: 20, usd: 0.5 },
    config: { budget: { max_calls: 700, max_usd: 2 } },
  };
  expect(limitsOf(job)).toEqual([
    { name: "calls", spent: 528, limit: 700, words: "528 of 700" },
    { name: "dollars", spent: 0.5, limit: 2, words: "$0.5 of $2.00" },
  ]);
  expect(limitsOf({})).toEqual([]);
});
