import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "../shared/api/client";
import { JOBS } from "../shared/api/paths";

/** The winner of each job against the winner of the first. */
export function comparisonQuery(jobIds: readonly string[]) {
  return queryOptions({
    queryKey: ["compare", ...jobIds] as const,
    queryFn: async ({ signal }) => {
      const params = { query: { job_ids: [...jobIds] } };
      return (await ask(api.GET(`${JOBS}/compare`, { params, signal }))).comparisons ?? [];
    },
    staleTime: 10_000,
  });
}
