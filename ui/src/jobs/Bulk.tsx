import { Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { MAX_COMPARED } from "../compare/search";
import { api, ask } from "../shared/api/client";
import { JOBS } from "../shared/api/paths";
import { keys } from "../shared/api/queries";
import type { Job } from "../shared/api/types";
import { plural } from "../shared/format/numbers";
import { isEarlier, isFinal } from "../shared/format/words";
import { Confirm } from "../shared/parts/Confirm";
import { doEach } from "./each";
import classes from "./Jobs.module.css";

export interface BulkProps {
  jobs: readonly Job[];
  onDone: () => void;
}

/** What can be done with the selected jobs together. */
export default function Bulk({ jobs, onDone }: BulkProps) {
  const [opened, setOpened] = useState<"cancel" | "delete">();
  const queries = useQueryClient();
  const ids = jobs.map((job) => job.job_id ?? "");
  const running = jobs.filter((job) => !isFinal(job.state?.status)).map((job) => job.job_id ?? "");
  const refresh = () => queries.invalidateQueries({ queryKey: keys.jobs });
  const close = () => setOpened(undefined);
  return (
    <Group className={classes.bulk} gap="xs" role="region" aria-label="Selected jobs">
      <Text size="sm" fw={600}>
        {plural(jobs.length, "job")} selected
      </Text>
      {ids.length >= 2 && ids.length <= MAX_COMPARED && !jobs.some(isEarlier) && (
        <Button size="xs" component={Link} to="/compare" search={{ jobs: ids } as never}>
          Compare
        </Button>
      )}
      <Button size="xs" variant="default" disabled={running.length === 0} onClick={() => setOpened("cancel")}>
        Cancel {running.length || ""}
      </Button>
      <Button size="xs" variant="default" c="var(--bad)" onClick={() => setOpened("delete")}>
        Delete
      </Button>
      <Button size="xs" variant="subtle" color="gray" onClick={onDone}>
        Select none
      </Button>
      <Confirm
        opened={opened === "cancel"}
        onClose={close}
        title={`Cancel ${plural(running.length, "job")}?`}
        consequence="Their searches stop within about a second. The best prompts so far and all finished calls are kept, and each can be resumed; MLflow’s own keep nothing."
        action="Cancel them"
        danger
        onConfirm={async () => {
          await doEach(running, (job_id) =>
            ask(api.POST(`${JOBS}/{job_id}/cancel`, { params: { path: { job_id } } })),
          );
          await refresh();
          onDone();
        }}
      />
      <Confirm
        opened={opened === "delete"}
        onClose={close}
        title={`Delete ${plural(ids.length, "job")}?`}
        consequence={`${running.length ? `${plural(running.length, "of them is", "of them are")} running and will be stopped first. ` : ""}The jobs, their candidates, events and MLflow runs are deleted; this cannot be undone. Prompt versions that they made stay in MLflow.`}
        action="Delete them"
        danger
        onConfirm={async () => {
          await doEach(ids, (job_id) =>
            ask(api.DELETE(`${JOBS}/{job_id}`, { params: { path: { job_id } } })),
          );
          await queries.resetQueries({ queryKey: keys.jobs });
          onDone();
        }}
      />
    </Group>
  );
}
