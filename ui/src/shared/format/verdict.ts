import type { Job } from "../api/types";
import { decimalsFor, formatDifference, formatScore, plural } from "./numbers";
import { isEarlier, isFinal, STOP_WORDS, type Tone } from "./words";

/** What a job has come to, for somebody who has ten seconds. */
export interface Conclusion {
  tone: Tone;
  /** Two to five words. */
  title: string;
  /** One sentence with its evidence. */
  sentence: string;
}

export function concludeJob(job: Job): Conclusion {
  const status = job.state?.status;
  if (status === "JOB_STATUS_FAILED") {
    return {
      tone: "bad",
      title: "The job failed",
      sentence: job.state?.error_message ?? "No reason was given.",
    };
  }
  if (isEarlier(job)) return concludeEarlier(job);
  if (!isFinal(status)) return concludeRunning(job);
  if (job.verdict && job.test_scores) return concludeTested(job);
  return concludeUntested(job);
}

/** MLflow scores source and new prompt on the records that it learned from, and tests on no others. */
function concludeEarlier(job: Job): Conclusion {
  const status = job.state?.status;
  if (!isFinal(status)) {
    const title = status === "JOB_STATUS_PENDING" ? "Waiting for MLflow’s runner" : "Run by MLflow";
    const sentence =
      job.state?.status_message ?? "It goes on only where MLflow’s own job runner works on it.";
    return { tone: "neutral", title, sentence };
  }
  if (status === "JOB_STATUS_CANCELED") {
    return { tone: "neutral", title: "Canceled", sentence: "MLflow kept nothing of what it had found." };
  }
  const { aggregate: before } = job.initial_eval_scores ?? {};
  const { aggregate: after } = job.final_eval_scores ?? {};
  const title = job.optimized_prompt_uri ? "MLflow registered a new prompt" : "Completed";
  if (before === undefined || after === undefined) {
    return { tone: "neutral", title, sentence: "Its scores are not known." };
  }
  const scores = `It scores ${formatScore(after)}, the source prompt ${formatScore(before)}`;
  const sentence = `${scores}, both on records that the search learned from: no test says whether that is real.`;
  return { tone: "neutral", title, sentence };
}

function concludeTested(job: Job): Conclusion {
  const test = job.test_scores ?? {};
  const low = test.ci_low ?? 0;
  const high = test.ci_high ?? 0;
  const decimals = decimalsFor(low, high);
  const scores = `${formatScore(test.final, decimals)} against ${formatScore(test.initial, decimals)}`;
  const where = `on ${plural(test.examples ?? 0, "test example")} that the search never saw`;
  const interval = `${formatDifference(low, decimals)} and ${formatDifference(high, decimals)}`;
  switch (job.verdict) {
    case "IMPROVED":
      return {
        tone: "good",
        title: "The new prompt is better",
        sentence: `It scores ${scores} ${where}. With 95\u00a0% confidence the gain is between ${interval}.`,
      };
    case "WORSE":
      return {
        tone: "bad",
        title: "Keep the old prompt",
        sentence: `The best one found scores ${scores} ${where}. With 95\u00a0% confidence the change is between ${interval}.`,
      };
    default:
      return {
        tone: "neutral",
        title: "No proven difference",
        sentence: `The best one found scores ${scores} ${where}. The true change may be anything between ${interval}, so this could be chance.${couldShow(test.detectable)}`,
      };
  }
}

function couldShow(detectable: number | undefined): string {
  if (detectable === undefined) return "";
  return ` A true gain of ${formatDifference(detectable)} would have shown, four times of five.`;
}

function concludeUntested(job: Job): Conclusion {
  const canceled = job.state?.status === "JOB_STATUS_CANCELED";
  const title = canceled ? "Canceled before the test" : "Nothing better was found";
  const why = job.stop_reason && !canceled ? `${STOP_WORDS[job.stop_reason]} ` : "";
  return { tone: "neutral", title, sentence: why + bestSoFar(job, "The best so far scores") };
}

function concludeRunning(job: Job): Conclusion {
  switch (job.state?.status) {
    case "JOB_STATUS_NEEDS_RECOVERY":
      return {
        tone: "warn",
        title: "Waiting for another worker",
        sentence: "Its worker was lost. Another goes on from there; finished calls are not paid again.",
      };
    case "JOB_STATUS_PENDING":
      return {
        tone: "neutral",
        title: "Waiting to begin",
        sentence: job.state.status_message ?? "It begins as soon as a worker is free.",
      };
    default:
      return {
        tone: "live",
        title: job.cancel_requested ? "Being canceled" : "Looking for a better prompt",
        sentence: bestSoFar(job, "The best so far scores") + outlook(job),
      };
  }
}

function outlook(job: Job): string {
  const { aggregate: before } = job.initial_eval_scores ?? {};
  const { aggregate: after = before } = job.final_eval_scores ?? {};
  if (before === undefined || after === undefined) return "";
  return after > before
    ? " Whether that is real, the sealed test will say at the end."
    : " Nothing better has been found yet.";
}

function bestSoFar(job: Job, beginning: string): string {
  const before = job.initial_eval_scores?.aggregate;
  const after = job.final_eval_scores?.aggregate;
  if (before === undefined) return "Nothing has been scored yet.";
  if (after === undefined || after <= before)
    return `The source prompt scores ${formatScore(before)} on validation.`;
  return `${beginning} ${formatScore(after)} on validation, the source prompt ${formatScore(before)}.`;
}
