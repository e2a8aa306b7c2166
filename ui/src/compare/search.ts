export const MAX_COMPARED = 6;

/** What the address of a comparison says. */
export interface CompareSearch {
  jobs: string[];
}

export function readCompareSearch(raw: Record<string, unknown>): CompareSearch {
  const jobs = Array.isArray(raw.jobs) ? raw.jobs.filter((id): id is string => typeof id === "string") : [];
  return { jobs: [...new Set(jobs)].slice(0, MAX_COMPARED) };
}
