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
import { useState } from "react";
import type { Job } from "../../shared/api/types";
import { isEarlier, isFinal } from "../../shared/format/words";
import { AliasDialog } from "./AliasDialog";
import { CancelDialog, DeleteDialog, ResumeDialog } from "./dialogs";

type Opened = "cancel" | "resume" | "delete" | "promote" | "rollback";

/** What can be done with a job now. Each says what it brings before it is done. */
export function JobActions({ job }: { job: Job }) {
  const [opened, setOpened] = useState<Opened>();
  const status = job.state?.status;
  const over = isFinal(status);
  const ours = !isEarlier(job);
  const resumable = ours && (status === "JOB_STATUS_FAILED" || status === "JOB_STATUS_CANCELED");
  const registered = ours && job.optimized_prompt_uri !== undefined;
  const dialog = { job, onClose: () => setOpened(undefined) };
  return (
    <Group gap="xs">
      {!over && (
        <Button
          variant="default"
          leftSection={<IconPlayerStop size={16} />}
          disabled={job.cancel_requested}
          onClick={() => setOpened("cancel")}
        >
          {job.cancel_requested ? "Being canceled" : "Cancel"}
        </Button>
      )}
      {resumable && (
        <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => setOpened("resume")}>
          Resume
        </Button>
      )}
      {registered && (
        <Button
          leftSection={<IconRocket size={16} />}
          variant={job.verdict === "IMPROVED" ? "filled" : "default"}
          onClick={() => setOpened("promote")}
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
            <Menu.Item leftSection={<IconArrowBackUp size={16} />} onClick={() => setOpened("rollback")}>
              Roll back an alias…
            </Menu.Item>
          )}
          <Menu.Item
            color="var(--bad)"
            leftSection={<IconTrash size={16} />}
            disabled={!ours && !over} // MLflow deletes only what has ended
            onClick={() => setOpened("delete")}
          >
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <CancelDialog {...dialog} opened={opened === "cancel"} />
      <ResumeDialog {...dialog} opened={opened === "resume"} />
      <DeleteDialog {...dialog} opened={opened === "delete"} />
      <AliasDialog {...dialog} opened={opened === "promote"} verb="promote" />
      <AliasDialog {...dialog} opened={opened === "rollback"} verb="rollback" />
    </Group>
  );
}
