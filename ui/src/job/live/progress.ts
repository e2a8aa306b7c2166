import type { Job } from "../../shared/api/types";

/** Share of the whole job that is done: calls against the most it may make. Undefined before it begins. */
export function shareDone(job: Job): number | undefined {
  const { completed, total } = job.state?.progress ?? {};
  if (completed === undefined || !total) return undefined;
  return Math.min(1, completed / total);
}

const LEAST_SECONDS = 2;

/** Seconds it may still take at most, at the pace so far; it may well stop earlier. */
export function secondsLeft(job: Job): number | undefined {
  const share = shareDone(job);
  const spent = job.seconds_spent;
  if (!share || !spent || spent < LEAST_SECONDS) return undefined;
  const byCalls = (spent / share) * (1 - share);
  const limit = job.config?.budget?.max_seconds;
  return limit === undefined ? byCalls : Math.max(0, Math.min(byCalls, limit - spent));
}
