import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "../../shared/api/client";
import { JOBS } from "../../shared/api/paths";
import { keys } from "../../shared/api/queries";
import type { JobExample } from "../../shared/api/types";
import { readMatrix, type Matrix } from "./matrix";

export const SPLITS = ["validation", "test", "train"] as const;
export type Split = (typeof SPLITS)[number];

export function matrixQuery(jobId: string, split: Split, scorer: string) {
  return queryOptions({
    // Below the candidates' key: what refreshes them refreshes this.
    queryKey: [...keys.candidates(jobId), "matrix", split, scorer] as const,
    queryFn: async ({ signal }): Promise<Matrix> => {
      const params = { path: { job_id: jobId }, query: { split, scorer } };
      return readMatrix(await ask(api.GET(`${JOBS}/{job_id}/evaluations`, { params, signal })));
    },
    staleTime: 5_000,
  });
}

/** One of the job's own records; null where it has kept none. It never changes. */
export function exampleQuery(jobId: string, exampleId: string) {
  return queryOptions({
    queryKey: ["example", jobId, exampleId] as const,
    queryFn: async ({ signal }): Promise<JobExample | null> => {
      const params = { path: { job_id: jobId }, query: { example_ids: [exampleId] } };
      const { examples } = await ask(api.GET(`${JOBS}/{job_id}/examples`, { params, signal }));
      return examples?.[0] ?? null;
    },
    staleTime: Infinity,
  });
}
