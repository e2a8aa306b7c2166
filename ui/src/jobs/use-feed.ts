import { useDocumentVisibility } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { JOBS } from "../shared/api/paths";
import { keys } from "../shared/api/queries";
import { root } from "../shared/api/server";
import { openStream, type StreamState } from "../shared/api/stream";
import { throttle } from "../shared/api/throttle";
import type { Job, JobListEvent } from "../shared/api/types";
import { removeJobs, replaceJobs, type Pages } from "./merge";
import { gather } from "./gather";

export const LATEST = [...keys.jobs, "latest"] as const;
const LISTS = [...keys.jobs, "list"] as const;
const LATEST_EVERY_MS = 800;

/**
 * Changes of all jobs, put into every list that is known. A hidden tab keeps no connection; what it
 * missed it hears when it is seen again.
 */
export function useFeed(enabled: boolean): { stream: StreamState } {
  const queries = useQueryClient();
  const seen = useDocumentVisibility() === "visible";
  const [stream, setStream] = useState<StreamState>("connecting");
  const last = useRef("");
  useEffect(() => {
    if (!enabled || !seen) return;
    const askLatest = throttle(() => void queries.invalidateQueries({ queryKey: LATEST }), LATEST_EVERY_MS);
    const close = openStream({
      url: `${root}${JOBS}/events`,
      after: () => last.current,
      onState: setStream,
      onEvents: (batch) => {
        const again = last.current !== "";
        last.current = batch.at(-1)?.id ?? last.current;
        const { changed, deleted, created, reset } = gather(batch.map((event) => event.data as JobListEvent));
        queries.setQueriesData<Pages>(
          { queryKey: LISTS },
          (pages) => pages && removeJobs(replaceJobs(pages, changed), deleted),
        );
        queries.setQueriesData<Job[]>({ queryKey: LATEST }, (jobs) =>
          jobs
            ?.filter((job) => !deleted.has(job.job_id ?? ""))
            .map((job) => changed.get(job.job_id ?? "") ?? job),
        );
        if (reset && again) void queries.invalidateQueries({ queryKey: LISTS });
        if (reset || created) askLatest();
      },
    });
    return () => {
      close();
      askLatest.cancel();
    };
  }, [enabled, seen, queries]);
  return { stream };
}
