import { queryOptions } from "@tanstack/react-query";
import { api, ask, JOBS } from "../../shared/api/client";
import { keys } from "../../shared/api/queries";
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
