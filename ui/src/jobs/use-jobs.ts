import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useMemo } from "react";
import { api, ask } from "../shared/api/client";
import { JOBS } from "../shared/api/paths";
import { jobsQuery, keys } from "../shared/api/queries";
import type { StreamState } from "../shared/api/stream";
import type { Job } from "../shared/api/types";
import { jobsOf, prependJobs, replaceJobs, type Pages } from "./merge";
import { LATEST, useFeed } from "./use-feed";

const POLL_MS = 5_000;
const LOOKED_AT = 200;

export interface JobList {
  jobs: Job[];
  pending: boolean;
  error: Error | null;
  /** Why it is asked again. */
  trouble: Error | null;
  more: boolean;
  loadMore: () => void;
  reload: () => void;
  /** New jobs that wait until the top is in view. */
  waiting: number;
  stream: StreamState;
}

/**
 * Jobs that match, as they are now. Rows change in their places. New ones come on top at once where the
 * top is in view; else they wait, so that nothing jumps under who reads.
 */
export function useJobs(filter: string | undefined, orderBy: string | undefined, atTop: boolean): JobList {
  const queries = useQueryClient();
  const options = jobsQuery({ filter, orderBy });
  const { queryKey } = options;
  const list = useInfiniteQuery({ ...options, staleTime: Infinity });
  const changes = useFeed(list.isSuccess);
  const latest = useLatest(filter, orderBy, list.isSuccess, changes.stream === "live");
  const jobs = useMemo(() => jobsOf(list.data as Pages | undefined), [list.data]);
  const newestFirst = orderBy === undefined;
  const held = useMemo(() => {
    const known = new Set(jobs.map((job) => job.job_id));
    return newestFirst ? (latest ?? []).filter((job) => !known.has(job.job_id)) : [];
  }, [jobs, latest, newestFirst]);
  const change = useEffectEvent((by: (pages: Pages) => Pages) => {
    queries.setQueryData<Pages>(queryKey, (pages) => pages && by(pages));
  });

  useEffect(() => {
    if (latest) change((pages) => replaceJobs(pages, new Map(latest.map((job) => [job.job_id ?? "", job]))));
  }, [latest]);
  useEffect(() => {
    if (atTop && held.length) change((pages) => prependJobs(pages, held));
  }, [atTop, held]);

  return {
    jobs,
    pending: list.isPending,
    error: list.error,
    trouble: list.failureReason,
    more: list.hasNextPage && !list.isFetchingNextPage,
    loadMore: () => void list.fetchNextPage(),
    reload: () => void queries.resetQueries({ queryKey: keys.jobs }),
    waiting: held.length,
    stream: changes.stream,
  };
}

/** The first of those that match; asked for again when one was created, and while nothing is streamed. */
function useLatest(
  filter: string | undefined,
  orderBy: string | undefined,
  enabled: boolean,
  streamed: boolean,
): Job[] | undefined {
  const { data } = useQuery({
    queryKey: [...LATEST, { filter, orderBy }] as const,
    enabled,
    refetchInterval: streamed ? false : POLL_MS,
    queryFn: async ({ signal }) => {
      const body = {
        max_results: LOOKED_AT,
        ...(filter ? { filter } : {}),
        ...(orderBy ? { order_by: [orderBy] } : {}),
      };
      const answer = await ask(api.POST(`${JOBS}/search`, { body, signal }));
      return answer.jobs ?? [];
    },
  });
  return data;
}
