import { Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { candidateQuery } from "../../shared/api/queries";
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

export interface ExamplePanelProps {
  job: Job;
  exampleId: string;
  sourceId: string | undefined;
  candidateId: string | undefined;
  candidates: readonly Candidate[];
}

/** What the source and another candidate answered to one example, and what the scorers said of it. */
export function ExamplePanel({ job, exampleId, sourceId, candidateId, candidates }: ExamplePanelProps) {
  const jobId = job.job_id ?? "";
  const otherId = candidateId === sourceId ? (job.best_candidate_id ?? candidateId) : candidateId;
  const source = useQuery({ ...candidateQuery(jobId, sourceId ?? ""), enabled: sourceId !== undefined });
  const other = useQuery({ ...candidateQuery(jobId, otherId ?? ""), enabled: otherId !== undefined });
  const before = source.data?.evaluations.find((result) => result.example_id === exampleId);
  const after = other.data?.evaluations.find((result) => result.example_id === exampleId);
  const pieces = useMemo(() => diffTexts(before?.output ?? "", after?.output ?? ""), [before, after]);
  const error = source.error ?? other.error;
  const nameOf = (id: string | undefined) =>
    `Candidate ${rowName(
      candidates.find((each) => each.candidate_id === id),
      job.best_candidate_id,
    )}`;
  const alone = otherId === sourceId;
  return (
    <Card
      title={`Example ${exampleId}`}
      aside={
        <Text size="sm" c="dimmed">
          {before?.split ?? after?.split}
        </Text>
      }
    >
      {error && (
        <Failure error={error} onRetry={() => void Promise.all([source.refetch(), other.refetch()])} />
      )}
      {source.isLoading || other.isLoading ? (
        <Skeleton h={160} />
      ) : (
        <div className={classes.sides}>
          <Side name={nameOf(sourceId)} result={before} pieces={sideOf(pieces, alone ? "after" : "before")} />
          {!alone && <Side name={nameOf(otherId)} result={after} pieces={sideOf(pieces, "after")} />}
        </div>
      )}
    </Card>
  );
}

function Side({
  name,
  result,
  pieces,
}: {
  name: string;
  result: ExampleResult | undefined;
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
  const tokens = (result.usage?.prompt_tokens ?? 0) + (result.usage?.completion_tokens ?? 0);
  return (
    <div>
      <Frame label={`${name} · ${formatScore(result.aggregate, 3)} · ${formatShort(tokens)} tokens`}>
        {result.error ? (
          <Text c="var(--bad)" inherit>
            {visible(result.error)}
          </Text>
        ) : (
          <Pieces pieces={pieces} />
        )}
      </Frame>
      <dl className={classes.scores}>
        {Object.entries(result.scores ?? {}).map(([scorer, { value, rationale }]) => (
          <div key={scorer}>
            <dt>{visible(scorer)}</dt>
            <dd>{formatScore(value)}</dd>
            <dd>{visible(rationale ?? "")}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
