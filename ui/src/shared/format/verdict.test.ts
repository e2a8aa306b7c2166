import { expect, it } from "vitest";
import type { Job } from "../api/types";
import { concludeJob } from "./verdict";

const tested: Job = {
  state: { status: "JOB_STATUS_COMPLETED" },
  verdict: "IMPROVED",
  test_scores: { initial: 0.333, final: 1, difference: 0.667, ci_low: 0.5, ci_high: 0.8333, examples: 30 },
};

it("says what is better, by how much and on what", () => {
  expect(concludeJob(tested)).toEqual({
    tone: "good",
    title: "The new prompt is better",
    sentence:
      "It scores 1.00 against 0.33 on 30 test examples that the search never saw. " +
      "With 95\u00a0% confidence the gain is between +0.50 and +0.83.",
  });
});

it("does not call chance a difference", () => {
  const job: Job = {
    ...tested,
    verdict: "NO_DIFFERENCE",
    test_scores: { ...tested.test_scores, ci_low: -0.1 },
  };
  const { tone, sentence } = concludeJob(job);
  expect(tone).toBe("neutral");
  expect(sentence).toContain("between \u22120.10 and +0.83, so this could be chance");
});

it("advises against what is worse", () => {
  expect(concludeJob({ ...tested, verdict: "WORSE" })).toMatchObject({
    tone: "bad",
    title: "Keep the old prompt",
  });
});

it("repeats why a job failed", () => {
  const job: Job = { state: { status: "JOB_STATUS_FAILED", error_message: "no key; set OPENAI_API_KEY" } };
  expect(concludeJob(job).sentence).toBe("no key; set OPENAI_API_KEY");
});

it("claims nothing of a running job", () => {
  const job: Job = {
    state: { status: "JOB_STATUS_IN_PROGRESS" },
    initial_eval_scores: { aggregate: 0.2 },
    final_eval_scores: { aggregate: 0.8 },
  };
  expect(concludeJob(job)).toMatchObject({ tone: "live", title: "Looking for a better prompt" });
  expect(concludeJob({}).sentence).toContain("Nothing has been scored yet.");
});

it("says that nothing better was found, and why the search ended", () => {
  const job: Job = {
    state: { status: "JOB_STATUS_COMPLETED" },
    stop_reason: "NO_HEADROOM",
    initial_eval_scores: { aggregate: 1 },
  };
  expect(concludeJob(job)).toMatchObject({
    title: "Nothing better was found",
    sentence:
      "The source prompt was already perfect on validation. The source prompt scores 1.00 on validation.",
  });
});

it("promises nothing of a job that MLflow made", () => {
  const job: Job = {
    origin: "mlflow",
    state: { status: "JOB_STATUS_COMPLETED" },
    optimized_prompt_uri: "prompts:/a/2",
    initial_eval_scores: { aggregate: 0.5 },
    final_eval_scores: { aggregate: 0.75 },
  };
  const { tone, title, sentence } = concludeJob(job);
  expect([tone, title]).toEqual(["neutral", "MLflow registered a new prompt"]);
  expect(sentence).toContain("0.75, the source prompt 0.50");
  expect(sentence).toContain("no test");
  expect(concludeJob({ ...job, state: { status: "JOB_STATUS_IN_PROGRESS" } }).title).toBe("Run by MLflow");
});
