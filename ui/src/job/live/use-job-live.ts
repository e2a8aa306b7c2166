import { useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useDocumentVisibility } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";
import { ApiError } from "../../shared/api/errors";
import { JOBS } from "../../shared/api/paths";
import { jobQuery, keys } from "../../shared/api/queries";
import { root } from "../../shared/api/server";
import { openStream, type StreamState } from "../../shared/api/stream";
import type { Job, JobEvent } from "../../shared/api/types";
import { isEarlier, isFinal } from "../../shared/format/words";
import { EMPTY_HISTORY, extendHistory, type JobHistory } from "./history";
import { throttle } from "../../shared/api/throttle";

const JOB_EVERY_MS = 700;
const CANDIDATES_EVERY_MS = 1_500;
const HIDDEN_POLL_MS = 15_000;
const SAFETY_POLL_MS = 20_000;

export interface JobLive {
  job: UseQueryResult<Job>;
  history: JobHistory;
  stream: StreamState;
}

/**
 * A job as it is now. Its events are streamed while the tab is seen; they tell what to ask for again. A
 * hidden tab keeps no connection (a browser has six for a server) and catches up when it is seen.
 */
export function useJobLive(jobId: string): JobLive {
  const queries = useQueryClient();
  const seen = useDocumentVisibility() === "visible";
  const [stream, setStream] = useState<StreamState>("connecting");
  const [history, setHistory] = useState(EMPTY_HISTORY);
  const last = useRef(0);
  const job = useQuery({
    ...jobQuery(jobId),
    refetchInterval: (query) => {
      if (query.state.error instanceof ApiError && query.state.error.status === 404) return false;
      // One that is over has no stream any more: others may delete it, resume it or register from it.
      if (isFinal(query.state.data?.state?.status)) return seen ? SAFETY_POLL_MS : false;
      return seen ? SAFETY_POLL_MS : HIDDEN_POLL_MS;
    },
    refetchIntervalInBackground: true,
  });
  const over = isFinal(job.data?.state?.status);
  const known = job.data !== undefined && !isEarlier(job.data); // MLflow keeps no events of its own jobs

  useEffect(() => {
    if (!seen || !known) return;
    const refreshJob = throttle(
      () => void queries.invalidateQueries({ queryKey: keys.job(jobId), exact: true }),
      JOB_EVERY_MS,
    );
    const refreshCandidates = throttle(
      () => void queries.invalidateQueries({ queryKey: keys.candidates(jobId) }),
      CANDIDATES_EVERY_MS,
    );
    const close = openStream({
      url: `${root}${JOBS}/${encodeURIComponent(jobId)}/events`,
      after: () => String(last.current),
      onState: setStream,
      onGone: refreshJob,
      onEvents: (batch) => {
        const events = batch.map((event) => event.data as JobEvent);
        last.current = Math.max(last.current, events.at(-1)?.sequence ?? 0);
        setHistory((before) => extendHistory(before, events));
        if (over) return; // an ended job's past is told once more; nothing has changed
        refreshJob();
        if (events.some((event) => event.kind === "CANDIDATE" || event.kind === "ENDED")) refreshCandidates();
      },
    });
    return () => {
      close();
      refreshJob.cancel();
      refreshCandidates.cancel();
      if (!over) void queries.invalidateQueries({ queryKey: keys.job(jobId) });
    };
    // A job that was resumed is streamed again.
  }, [jobId, seen, known, over, queries]);

  return { job, history, stream };
}
