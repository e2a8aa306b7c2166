import { queryOptions, type QueryClient } from "@tanstack/react-query";
import { api, ask, JOBS } from "../../shared/api/client";
import { keys } from "../../shared/api/queries";
import type { components } from "../../shared/api/schema";
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

const EXAMPLES_PAGE = 1000;
type ExamplesPage = components["schemas"]["ListPromptOptimizationExamples.Response"];

/** A page of the job's own records. They never change. */
function examplesPageQuery(jobId: string, split: Split, token: string) {
  return queryOptions({
    queryKey: ["examples", jobId, split, token] as const,
    queryFn: ({ signal }) => {
      const query = { split, max_results: EXAMPLES_PAGE, ...(token ? { page_token: token } : {}) };
      return ask(
        api.GET(`${JOBS}/{job_id}/examples`, { params: { path: { job_id: jobId }, query }, signal }),
      );
    },
    staleTime: Infinity,
  });
}

/** One record; pages are read until it is found, and kept. */
export function exampleQuery(queries: QueryClient, jobId: string, split: Split, exampleId: string) {
  return queryOptions({
    queryKey: ["example", jobId, split, exampleId] as const,
    queryFn: async (): Promise<JobExample | null> => {
      let token: string | undefined = "";
      while (token !== undefined) {
        const page: ExamplesPage = await queries.query(examplesPageQuery(jobId, split, token));
        const found = page.examples?.find((example) => example.example_id === exampleId);
        if (found) return found;
        token = page.next_page_token;
      }
      return null;
    },
    staleTime: Infinity,
  });
}
