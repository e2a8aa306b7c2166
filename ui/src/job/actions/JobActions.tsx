import { ActionIcon, Button, Group, Menu } from "@mantine/core";
import {
  IconArrowBackUp,
  IconCopy,
  IconDots,
  IconPlayerPlay,
  IconPlayerStop,
  IconRocket,
  IconTrash,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import type { Job } from "../../shared/api/types";
import { isEarlier, isFinal } from "../../shared/format/words";
import type { Action } from "./JobDialog";

const JobDialog = lazy(() => import("./JobDialog"));

/** What can be done with a job now. Each says what it brings before it is done. */
export function JobActions({ job }: { job: Job }) {
  const [asked, setAsked] = useState<Action>(); // stays when the dialog closes, which takes its time
  const [opened, setOpened] = useState(false);
  const status = job.state?.status;
  const over = isFinal(status);
  const ours = !isEarlier(job);
  const resumable = ours && (status === "JOB_STATUS_FAILED" || status === "JOB_STATUS_CANCELED");
  const registered = ours && job.optimized_prompt_uri !== undefined;
  const ask = (action: Action) => {
    setAsked(action);
    setOpened(true);
  };
  return (
    <Group gap="xs">
      {!over && (
        <Button
          variant="default"
          leftSection={<IconPlayerStop size={16} />}
          disabled={job.cancel_requested}
          onClick={() => ask("cancel")}
        >
          {job.cancel_requested ? "Being canceled" : "Cancel"}
        </Button>
      )}
      {resumable && (
        <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => ask("resume")}>
          Resume
        </Button>
      )}
      {registered && (
        <Button
          leftSection={<IconRocket size={16} />}
          variant={job.verdict === "IMPROVED" ? "filled" : "default"}
          onClick={() => ask("promote")}
        >
          Promote
        </Button>
      )}
      <Button
        component={Link}
        to="/new"
        search={{ from: job.job_id } as never}
        variant="default"
        leftSection={<IconCopy size={16} />}
      >
        Clone
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label="More actions">
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {registered && (
            <Menu.Item leftSection={<IconArrowBackUp size={16} />} onClick={() => ask("rollback")}>
              Roll back an alias…
            </Menu.Item>
          )}
          <Menu.Item
            color="var(--bad)"
            leftSection={<IconTrash size={16} />}
            disabled={!ours && !over} // MLflow deletes only what has ended
            onClick={() => ask("delete")}
          >
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked && (
        <Suspense>
          <JobDialog key={asked} action={asked} job={job} opened={opened} onClose={() => setOpened(false)} />
        </Suspense>
      )}
    </Group>
  );
}
