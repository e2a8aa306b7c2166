import { Alert, Stack } from "@mantine/core";
import type { Candidate, Job } from "../../shared/api/types";
import { isFinal } from "../../shared/format/words";
import { Boundary } from "../../shared/layout/states";
import type { JobHistory } from "../live/history";
import { Cards } from "./Cards";
import { Change } from "./Change";
import { Edits } from "./Edits";
import { Scorers } from "./Scorers";
import { SearchChart } from "./SearchChart";
import { Setup } from "./Setup";
import { VerdictPanel } from "./VerdictPanel";
import classes from "./Overview.module.css";

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
      {(candidates?.length !== 0 || !isFinal(job.state?.status)) && (
        <div className={classes.columns}>
          <Boundary>
            <SearchChart job={job} history={history} candidates={candidates} />
          </Boundary>
          <Scorers job={job} />
        </div>
      )}
      <Boundary>
        <Change job={job} candidates={candidates} />
      </Boundary>
      {job.config?.optimizer_type === "OPTIMIZER_TYPE_FACTORIAL" && (
        <Boundary>
          <Edits job={job} />
        </Boundary>
      )}
      <Setup job={job} />
    </Stack>
  );
}
