import type { Candidate, Job } from "../../shared/api/types";

/** The best of those that were kept. */
export function bestOf(candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (candidate.status !== "SOURCE" && candidate.status !== "ACCEPTED") continue;
    if ((candidate.scores?.aggregate ?? -1) > (best?.scores?.aggregate ?? -1)) best = candidate;
  }
  return best;
}

/** The job with the scores and the best candidate that it has so far; it gets its own when it ends. */
export function withBest(job: Job, candidates: readonly Candidate[] | undefined): Job {
  const best = bestOf(candidates ?? []);
  if (best === undefined || (job.final_eval_scores?.aggregate !== undefined && job.best_candidate_id))
    return job;
  const source = candidates?.find((candidate) => candidate.status === "SOURCE");
  return {
    ...job,
    initial_eval_scores: nonEmpty(job.initial_eval_scores) ?? source?.scores,
    final_eval_scores: nonEmpty(job.final_eval_scores) ?? best.scores,
    best_candidate_id: job.best_candidate_id ?? best.candidate_id,
  };
}

function nonEmpty<T extends object>(scores: T | undefined): T | undefined {
  return scores && Object.keys(scores).length ? scores : undefined;
}
