import { queryOptions } from "@tanstack/react-query";
import { api, ask, JOBS } from "../shared/api/client";
import { keys } from "../shared/api/queries";

/** Scores on the sealed test. They come with the job's end, and never change after that. */
export function testScoresQuery(jobId: string) {
  return queryOptions({
    queryKey: [...keys.candidates(jobId), "sealed test"] as const,
    queryFn: ({ signal }) => {
      const params = { path: { job_id: jobId }, query: { split: "test" } };
      return ask(api.GET(`${JOBS}/{job_id}/evaluations`, { params, signal }));
    },
    staleTime: 10_000,
  });
}
