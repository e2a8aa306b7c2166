import type { InfiniteData } from "@tanstack/react-query";
import type { Job } from "../shared/api/types";

export interface Page {
  jobs?: Job[];
  next_page_token?: string;
}
export type Pages = InfiniteData<Page, string>;

/** Jobs of all pages, each once: one that moved between two pages while they were read comes twice. */
export function jobsOf(pages: Pages | undefined): Job[] {
  const found = new Map<string, Job>();
  for (const page of pages?.pages ?? []) {
    for (const job of page.jobs ?? []) {
      if (job.job_id !== undefined && !found.has(job.job_id)) found.set(job.job_id, job);
    }
  }
  return [...found.values()];
}

/** The pages with jobs as they are now in their places; no row moves. */
export function replaceJobs(pages: Pages, changed: ReadonlyMap<string, Job>): Pages {
  const isChanged = (job: Job) => changed.has(job.job_id ?? "");
  if (!pages.pages.some((page) => page.jobs?.some(isChanged))) return pages;
  const now = (job: Job) => changed.get(job.job_id ?? "") ?? job;
  return { ...pages, pages: pages.pages.map((page) => ({ ...page, jobs: page.jobs?.map(now) })) };
}

export function removeJobs(pages: Pages, gone: ReadonlySet<string>): Pages {
  if (gone.size === 0) return pages;
  const keep = (job: Job) => !gone.has(job.job_id ?? "");
  return { ...pages, pages: pages.pages.map((page) => ({ ...page, jobs: (page.jobs ?? []).filter(keep) })) };
}

/** New jobs on top; those that stand there already are passed over. */
export function prependJobs(pages: Pages, fresh: readonly Job[]): Pages {
  const known = new Set(jobsOf(pages).map((job) => job.job_id));
  const unknown = fresh.filter((job) => !known.has(job.job_id));
  if (unknown.length === 0) return pages;
  const [first = {}, ...rest] = pages.pages;
  return { ...pages, pages: [{ ...first, jobs: [...unknown, ...(first.jobs ?? [])] }, ...rest] };
}
