import type { CandidateStatus, Job, JobStatus, OptimizerType, StopReason, Verdict } from "../api/types";

/** A tone has a color of its own in `theme.ts`: `--good`, `--good-soft`, and so on. */
export type Tone = "good" | "bad" | "live" | "warn" | "neutral";

export interface Word {
  label: string;
  tone: Tone;
}

export const STATUS_WORDS: Record<JobStatus, Word> = {
  JOB_STATUS_PENDING: { label: "Waiting", tone: "neutral" },
  JOB_STATUS_IN_PROGRESS: { label: "Running", tone: "live" },
  JOB_STATUS_COMPLETED: { label: "Completed", tone: "neutral" },
  JOB_STATUS_FAILED: { label: "Failed", tone: "bad" },
  JOB_STATUS_CANCELED: { label: "Canceled", tone: "neutral" },
  JOB_STATUS_NEEDS_RECOVERY: { label: "Recovering", tone: "warn" },
};

export const VERDICT_WORDS: Record<Verdict, Word> = {
  IMPROVED: { label: "Better", tone: "good" },
  NO_DIFFERENCE: { label: "No proven difference", tone: "neutral" },
  WORSE: { label: "Worse", tone: "bad" },
};

/** What a job's prompts are used by. */
export type Kind = "prompt" | "app";

export const KIND_WORDS: Record<Kind, string> = { prompt: "Prompt", app: "App" };

/** Those that answers name; another number of an old one is read only. */
type AnsweredType = Exclude<OptimizerType, "OPTIMIZER_TYPE_DISTILLATION_100">;

export const OPTIMIZER_NAMES: Record<AnsweredType, string> = {
  OPTIMIZER_TYPE_GEPA: "GEPA",
  OPTIMIZER_TYPE_METAPROMPT: "Metaprompt",
  OPTIMIZER_TYPE_DISTILLATION: "Distillation",
  OPTIMIZER_TYPE_FACTORIAL: "Factorial",
  OPTIMIZER_TYPE_AUTO: "Auto",
  OPTIMIZER_TYPE_FEW_SHOT: "Few-shot",
  OPTIMIZER_TYPE_JOINT_SEARCH: "Joint search",
};

export const STOP_WORDS: Record<StopReason, string> = {
  FINISHED: "The search had nothing more to try.",
  BUDGET: "The budget was used up.",
  TARGET_REACHED: "The target score was reached.",
  PATIENCE: "Nothing better was found for a long time.",
  NO_HEADROOM: "The source prompt was already perfect on validation.",
  NO_NEW_IDEAS: "The reflection model had no new ideas.",
  LITTLE_TO_GAIN: "More calls would hardly gain anything.",
  CANCELED: "It was canceled.",
  ERROR: "It ended in an error.",
};

export const CANDIDATE_WORDS: Record<CandidateStatus, Word> = {
  SOURCE: { label: "Source", tone: "neutral" },
  PROPOSED: { label: "Being measured", tone: "live" },
  ACCEPTED: { label: "Accepted", tone: "good" },
  REJECTED: { label: "Rejected", tone: "neutral" },
  REFUSED: { label: "Refused", tone: "warn" },
};

/** What a server newer than this page says is shown as it says it. */
export function wordOf<K extends string>(words: Record<K, Word>, key: K | undefined): Word {
  if (key === undefined) return { label: "–", tone: "neutral" };
  return (words as Partial<Record<string, Word>>)[key] ?? { label: key, tone: "neutral" };
}

export function optimizerName(type: OptimizerType | undefined): string {
  if (type === undefined) return "–";
  return (OPTIMIZER_NAMES as Partial<Record<string, string>>)[type] ?? type.replace("OPTIMIZER_TYPE_", "");
}

const FINAL: ReadonlySet<JobStatus> = new Set<JobStatus>([
  "JOB_STATUS_COMPLETED",
  "JOB_STATUS_FAILED",
  "JOB_STATUS_CANCELED",
]);

export function isFinal(status: JobStatus | undefined): boolean {
  return status !== undefined && FINAL.has(status);
}

/** Whether MLflow's own prompt optimization made it. */
export function isEarlier(job: Pick<Job, "origin">): boolean {
  return job.origin === "mlflow";
}

/** prompts:/NAME/VERSION → its parts. */
export function promptOf(uri: string | undefined): { name: string; version: string } {
  const match = /^prompts:\/(.+?)(?:\/([^/]+)|@(.+))?$/.exec(uri ?? "");
  return { name: match?.[1] ?? uri ?? "–", version: match?.[2] ?? match?.[3] ?? "" };
}
