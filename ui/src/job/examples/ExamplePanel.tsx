import { ActionIcon, Anchor, Group, Select, Skeleton, Stack, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { candidateQuery } from "../../shared/api/queries";
import { traceLink } from "../../shared/api/server";
import type { Candidate, ExampleResult, Job } from "../../shared/api/types";
import { Pieces } from "../../shared/diff/Pieces";
import { diffTexts, sideOf, type Piece } from "../../shared/diff/words";
import { formatScore, formatShort } from "../../shared/format/numbers";
import { visible } from "../../shared/format/visible";
import { Failure } from "../../shared/layout/states";
import { Card } from "../../shared/parts/Card";
import { Frame } from "../../shared/parts/TextBlock";
import classes from "./Examples.module.css";
import { rowName } from "./matrix";
import { Record } from "./Record";

export interface ExamplePanelProps {
  job: Job;
  exampleId: string;
  sourceId: string | undefined;
  candidateId: string;
  candidates: readonly Candidate[];
  /** Candidates that have scores here, in their order. */
  measured: readonly string[];
  /** Examples in the order they are shown. */
  exampleIds: readonly string[];
  onSelect: (candidateId: string, exampleId: string) => void;
}

/** What the source and another candidate answered to one example, and what the scorers said of it. */
export function ExamplePanel(props: ExamplePanelProps) {
  const { job, exampleId, sourceId, candidateId, candidates } = props;
  const jobId = job.job_id ?? "";
  const otherId = candidateId;
  const source = useQuery({ ...candidateQuery(jobId, sourceId ?? ""), enabled: sourceId !== undefined });
  const other = useQuery(candidateQuery(jobId, otherId));
  const before = source.data?.evaluations.find((result) => result.example_id === exampleId);
  const after = other.data?.evaluations.find((result) => result.example_id === exampleId);
  const pieces = useMemo(() => diffTexts(before?.output ?? "", after?.output ?? ""), [before, after]);
  const error = source.error ?? other.error;
  const nameOf = (id: string | undefined) =>
    `Candidate ${rowName(
      candidates.find((each) => each.candidate_id === id),
      job.best_candidate_id,
    )}`;
  const scorers = Object.keys(job.initial_eval_scores ?? {}).filter((name) => name !== "aggregate");
  const alone = otherId === sourceId;
  const position = props.exampleIds.indexOf(exampleId);
  const step = (by: number) => {
    const next = props.exampleIds[position + by];
    if (next !== undefined) props.onSelect(candidateId, next);
  };
  return (
    <Card
      title={`Example ${exampleId}`}
      aside={
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            {position >= 0 && `${position + 1} of ${props.exampleIds.length}`}
          </Text>
          <ActionIcon.Group>
            <ActionIcon
              variant="default"
              aria-label="Example before"
              disabled={position <= 0}
              onClick={() => step(-1)}
            >
              <IconChevronLeft size={16} />
            </ActionIcon>
            <ActionIcon
              variant="default"
              aria-label="Next example"
              disabled={position < 0 || position + 1 >= props.exampleIds.length}
              onClick={() => step(1)}
            >
              <IconChevronRight size={16} />
            </ActionIcon>
          </ActionIcon.Group>
          <Select
            size="xs"
            w={170}
            aria-label="Candidate beside the source"
            allowDeselect={false}
            value={candidateId}
            data={[...new Set([...props.measured, candidateId])].map((value) => ({
              value,
              label: nameOf(value),
            }))}
            onChange={(to) => to && props.onSelect(to, exampleId)}
          />
        </Group>
      }
    >
      {error && (
        <Failure error={error} onRetry={() => void Promise.all([source.refetch(), other.refetch()])} />
      )}
      <Stack gap="md">
        <Record jobId={jobId} exampleId={exampleId} />
        {source.isLoading || other.isLoading ? (
          <Skeleton h={160} />
        ) : (
          <div className={classes.sides}>
            <Side
              name={nameOf(sourceId)}
              result={before}
              experimentId={job.experiment_id}
              scorers={scorers}
              pieces={sideOf(pieces, alone ? "after" : "before")}
            />
            {!alone && (
              <Side
                name={nameOf(otherId)}
                result={after}
                experimentId={job.experiment_id}
                scorers={scorers}
                pieces={sideOf(pieces, "after")}
              />
            )}
          </div>
        )}
      </Stack>
    </Card>
  );
}

function Side({
  name,
  result,
  experimentId = "0",
  scorers,
  pieces,
}: {
  name: string;
  result: ExampleResult | undefined;
  experimentId: string | undefined;
  /** All that the job has. */
  scorers: readonly string[];
  pieces: Piece[];
}) {
  if (!result) {
    return (
      <Stack gap={4}>
        <Text fw={600} size="sm">
          {name}
        </Text>
        <Text size="sm" c="dimmed">
          Not tried on this example.
        </Text>
      </Stack>
    );
  }
  const silent = result.error ? [] : scorers.filter((scorer) => result.scores?.[scorer] === undefined);
  const trace = result.trace_id && traceLink(experimentId, result.trace_id);
  const tokens = (result.usage?.prompt_tokens ?? 0) + (result.usage?.completion_tokens ?? 0);
  return (
    <div>
      <Frame label={`${name} · ${formatScore(result.aggregate)} · ${formatShort(tokens)} tokens`}>
        {result.error ? (
          <Text c="var(--bad)" inherit>
            {visible(result.error)}
          </Text>
        ) : (
          <Pieces pieces={pieces} />
        )}
      </Frame>
      {trace && (
        <Anchor href={trace} size="xs" target="_blank" rel="noreferrer">
          Trace in MLflow
        </Anchor>
      )}
      <dl className={classes.scores}>
        {Object.entries(result.scores ?? {}).map(([scorer, { value, rationale }]) => (
          <div key={scorer}>
            <dt>{visible(scorer)}</dt>
            <dd>{formatScore(value)}</dd>
            <dd>{visible(rationale ?? "")}</dd>
          </div>
        ))}
        {silent.map((scorer) => (
          <div key={scorer}>
            <dt>{visible(scorer)}</dt>
            <dd>–</dd>
            <dd>It had no opinion on this answer, which is left out of its mean.</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
