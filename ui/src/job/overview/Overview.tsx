import { Alert, Stack } from "@mantine/core";
import { lazy, Suspense } from "react";
import type { Candidate, Job } from "../../shared/api/types";
import { Boundary, Pending } from "../../shared/layout/states";
import type { JobHistory } from "../live/history";
import { Cards } from "./Cards";
import { VerdictPanel } from "./VerdictPanel";

/** It is large, and what stands above it is read first. */
const Findings = lazy(() => import("./Findings"));

export interface OverviewProps {
  job: Job;
  history: JobHistory;
  candidates: readonly Candidate[] | undefined;
}

/** Is it better, is it real, what changed, what did it cost. */
export function Overview({ job, history, candidates }: OverviewProps) {
  return (
    <Stack gap="md">
      <VerdictPanel job={job} />
      <Cards job={job} />
      {(job.warnings ?? []).map((warning) => (
        <Alert key={warning} color="yellow" variant="light" py="xs">
          {warning}
        </Alert>
      ))}
      <Boundary>
        <Suspense fallback={<Pending />}>
          <Findings job={job} history={history} candidates={candidates} />
        </Suspense>
      </Boundary>
    </Stack>
  );
}
