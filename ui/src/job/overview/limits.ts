import type { Job } from "../../shared/api/types";
import { formatCount, formatShort, formatUsd } from "../../shared/format/numbers";
import { formatDuration } from "../../shared/format/time";

export interface Limit {
  name: string;
  spent: number;
  limit: number;
  /** Both, in words. */
  words: string;
}

/** What has been spent of each limit of the job's budget. */
export function limitsOf(job: Job): Limit[] {
  const { max_calls, max_tokens, max_usd, max_seconds } = job.config?.budget ?? {};
  const usage = job.usage ?? {};
  const tokens = (usage.prompt_tokens ?? 0) + (usage.completion_tokens ?? 0);
  const found: Limit[] = [];
  const add = (name: string, spent: number, limit: number | undefined, format: (value: number) => string) => {
    if (limit !== undefined)
      found.push({ name, spent, limit, words: `${format(spent)} of ${format(limit)}` });
  };
  add("calls", usage.calls ?? 0, max_calls, formatCount);
  add("tokens", tokens, max_tokens, formatShort);
  add("dollars", usage.usd ?? 0, max_usd, formatUsd);
  add("time", job.seconds_spent ?? 0, max_seconds, formatDuration);
  return found;
}
