import { Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { candidateQuery } from "../../shared/api/queries";
import type { Candidate, Job } from "../../shared/api/types";
import { PromptDiff } from "../../shared/diff/PromptDiff";
import { isFinal, promptOf } from "../../shared/format/words";
import { Failure } from "../../shared/layout/states";
import { Card } from "../../shared/parts/Card";

/** What the best candidate changed in each prompt of the job. */
export function Change({ job, candidates }: { job: Job; candidates: readonly Candidate[] | undefined }) {
  const jobId = job.job_id ?? "";
  const sourceId = candidates?.find((candidate) => candidate.status === "SOURCE")?.candidate_id;
  const bestId = job.best_candidate_id;
  const source = useQuery({ ...candidateQuery(jobId, sourceId ?? ""), enabled: sourceId !== undefined });
  const best = useQuery({ ...candidateQuery(jobId, bestId ?? ""), enabled: bestId !== undefined });
  const title = isFinal(job.state?.status) ? "What changed" : "What changed so far";

  if (candidates === undefined || (sourceId !== undefined && source.isPending)) {
    return (
      <Card title={title}>
        <Skeleton h={140} />
      </Card>
    );
  }
  if (candidates.length === 0 && isFinal(job.state?.status)) return null;
  const error = source.error ?? best.error;
  if (error) {
    return (
      <Card title={title}>
        <Failure error={error} onRetry={() => void Promise.all([source.refetch(), best.refetch()])} />
      </Card>
    );
  }
  const before = source.data?.candidate.texts ?? {};
  const after = best.data?.candidate.texts ?? before;
  const names = Object.keys(before);
  const same = bestId === undefined || bestId === sourceId;
  return (
    <Card title={same && names.length ? "The prompt" : title}>
      <Stack gap="lg">
        {names.length === 0 && (
          <Text size="sm" c="dimmed">
            The source prompt is shown here as soon as it has been scored.
          </Text>
        )}
        {names.map((name) => (
          <Stack key={name} gap="xs">
            {names.length > 1 && <Text fw={600}>{name}</Text>}
            <PromptDiff
              before={before[name]}
              after={after[name]}
              beforeLabel={`Source, v${promptOf(job.source_prompt_uri).version}`}
              afterLabel={same ? "unchanged so far" : labelOf(job, best.data?.candidate)}
            />
          </Stack>
        ))}
      </Stack>
    </Card>
  );
}

function labelOf(job: Job, best: Candidate | undefined): string {
  if (job.optimized_prompt_uri) return `New, v${promptOf(job.optimized_prompt_uri).version}`;
  return `Best, candidate ${best?.number ?? "–"}`;
}
