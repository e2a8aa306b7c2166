import { Alert, Stack } from "@mantine/core";
import type { Job } from "../../shared/api/types";
import { Boundary } from "../../shared/layout/states";
import { Scorers } from "../overview/Scorers";
import { Setup } from "../overview/Setup";
import { VerdictPanel } from "../overview/VerdictPanel";
import { EarlierChange } from "./EarlierChange";

/** A job that MLflow's own prompt optimization has made: what MLflow keeps of it, and no more. */
export default function EarlierJob({ job }: { job: Job }) {
  return (
    <Stack gap="md">
      <Alert color="gray" variant="light" py="xs">
        MLflow’s own prompt optimization made this job. It has no sealed test, and MLflow keeps no candidates,
        examples, events or cost of it. Clone it to run it here.
      </Alert>
      <VerdictPanel job={job} />
      <Scorers job={job} title="Scorers" />
      <Boundary>
        <EarlierChange job={job} />
      </Boundary>
      <Setup job={job} />
    </Stack>
  );
}
