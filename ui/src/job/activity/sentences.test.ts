import { expect, it } from "vitest";
import { describeEvent } from "./sentences";

it("tells what the test said", () => {
  const data = {
    initial: 0.2,
    final: 0.8,
    difference: 0.6,
    ci_low: 0.4,
    ci_high: 0.8,
    examples: 10,
    verdict: "IMPROVED",
  };
  expect(describeEvent({ kind: "TESTED", data })).toEqual({
    text: "The sealed test: 0.20 → 0.80. Better.",
    detail: "Difference +0.60, 95\u00a0% interval +0.40 to +0.80, 10 pairs",
    tone: "good",
    important: true,
  });
});

it("tells a second attempt from the first", () => {
  expect(describeEvent({ kind: "STARTED", data: { attempt: 1, worker_id: "w" } }).text).toBe(
    "A worker began.",
  );
  const again = describeEvent({
    kind: "STARTED",
    data: { attempt: 3, reason: "worker lost", deaths: 1, worker_id: "w" },
  });
  expect(again.text).toContain("attempt 3");
  expect(again.detail).toBe("worker lost · 1 attempt before it died with the worker. · w");
});

it("shows what it does not know as it is", () => {
  expect(describeEvent({ kind: "SOMETHING_NEW" as never, data: { a: 1 } })).toMatchObject({
    text: "SOMETHING_NEW",
    detail: '{"a":1}',
  });
  expect(describeEvent({}).text).toBe("An event");
  expect(describeEvent({ kind: "RESUMED", actor: "ana\u202E" }).detail).toBe("by ana⟨RLO⟩");
});

it("shows hidden characters in what models and people wrote", () => {
  expect(describeEvent({ kind: "WARNING", data: { message: "a\u202Eb" } }).detail).toBe("a⟨RLO⟩b");
});
