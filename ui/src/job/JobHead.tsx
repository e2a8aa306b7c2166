import { Anchor, Group, Text, Title, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { StreamState } from "../shared/api/stream";
import type { Job } from "../shared/api/types";
import { isEarlier, isFinal, optimizerName, promptOf } from "../shared/format/words";
import { Ago } from "../shared/parts/Ago";
import { Badge, StatusBadge } from "../shared/parts/Badge";
import { JobActions } from "./actions/JobActions";
import classes from "./JobHead.module.css";

export function JobHead({ job, stream }: { job: Job; stream: StreamState }) {
  const { name, version } = promptOf(job.source_prompt_uri);
  const further = job.config?.further_source_prompt_uris?.length ?? 0;
  return (
    <div className={classes.head}>
      <div className={classes.words}>
        <Text size="xs" c="dimmed">
          <Anchor component={Link} to="/" inherit underline="always">
            Jobs
          </Anchor>{" "}
          / <span className={classes.id}>{job.job_id}</span>
        </Text>
        <Group gap="sm" align="center">
          <Title order={1} className={classes.name}>
            {name}
            {version && <span className={classes.version}> v{version}</span>}
            {further > 0 && <span className={classes.version}> and {further} more</span>}
          </Title>
          <StatusBadge status={job.state?.status} />
          {isEarlier(job) && <Badge tone="neutral">Made by MLflow</Badge>}
          {!isFinal(job.state?.status) && !isEarlier(job) && stream === "lost" && (
            <Tooltip label="The page catches up as soon as the server answers.">
              <span>
                <Badge tone="warn">Connection lost, trying again</Badge>
              </span>
            </Tooltip>
          )}
        </Group>
        <Group gap={6} className={classes.facts}>
          <span>{optimizerName(job.config?.optimizer_type)}</span>
          {job.config?.model && <span>{job.config.model}</span>}
          {job.kind === "app" && <span>on an app</span>}
          <span>
            <Ago ms={job.creation_timestamp_ms} />
          </span>
          {(job.tags ?? []).map((tag) => (
            <span key={tag.key} className={classes.tag}>
              {tag.key}: {tag.value}
            </span>
          ))}
        </Group>
      </div>
      <JobActions job={job} />
    </div>
  );
}
