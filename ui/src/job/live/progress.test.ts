import { expect, it } from "vitest";
import type { Job } from "../../shared/api/types";
import { secondsLeft, shareDone } from "./progress";

const job: Job = { seconds_spent: 30, state: { progress: { completed: 25, total: 100 } } };

it("goes on at the pace so far", () => {
  expect(shareDone(job)).toBe(0.25);
  expect(secondsLeft(job)).toBe(90);
});

it("does not promise more time than the budget has", () => {
  expect(secondsLeft({ ...job, config: { budget: { max_seconds: 50 } } })).toBe(20);
});

it("says nothing before it can know", () => {
  expect(secondsLeft({ ...job, seconds_spent: 0.1 })).toBeUndefined();
  expect(shareDone({})).toBeUndefined();
  expect(secondsLeft({ seconds_spent: 30, state: { progress: { completed: 0, total: 0 } } })).toBeUndefined();
});
