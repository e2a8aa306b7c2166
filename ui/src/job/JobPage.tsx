import { Skeleton, Stack } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { ApiError } from "../shared/api/errors";
import { isEarlier } from "../shared/format/words";
import { Failure, Pending, Retrying } from "../shared/layout/states";
import { JobGone } from "./JobGone";
import { JobHead } from "./JobHead";
import { JobTabs } from "./JobTabs";
import { useJobLive } from "./live/use-job-live";
import { useTitle } from "./live/use-title";

const EarlierJob = lazy(() => import("./earlier/EarlierJob"));
const route = getRouteApi("/jobs/$jobId");

/** One job: the verdict, what changed, what it cost, and how it came to be. */
export function JobPage() {
  const { jobId } = route.useParams();
  return <JobView key={jobId} jobId={jobId} />;
}

function JobView({ jobId }: { jobId: string }) {
  const live = useJobLive(jobId);
  const { data: job, error, failureReason, refetch } = live.job;
  useTitle(job);
  if (error instanceof ApiError && error.status === 404) return <JobGone jobId={jobId} last={job} />;
  if (!job)
    return error ? (
      <Failure error={error} onRetry={() => void refetch()} />
    ) : (
      <Waiting trouble={failureReason} />
    );
  return (
    <Stack gap="md">
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      <JobHead job={job} stream={live.stream} />
      {isEarlier(job) ? (
        <Suspense fallback={<Pending />}>
          <EarlierJob job={job} />
        </Suspense>
      ) : (
        <JobTabs job={job} history={live.history} />
      )}
    </Stack>
  );
}

function Waiting({ trouble }: { trouble: unknown }) {
  return (
    <Stack aria-busy aria-label="Loading the job">
      <Retrying error={trouble} />
      <Skeleton h={64} />
      <Skeleton h={36} w="60%" />
      <Skeleton h={120} />
      <Skeleton h={110} />
      <Skeleton h={360} />
    </Stack>
  );
}
