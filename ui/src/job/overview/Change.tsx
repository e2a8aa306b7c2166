import { Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { candidateQuery, inputsQuery } from "../../shared/api/queries";
import type { Candidate, Job, Template } from "../../shared/api/types";
import { PromptDiff } from "../../shared/diff/PromptDiff";
import { isFinal, promptOf } from "../../shared/format/words";
import { visible } from "../../shared/format/visible";
import { Failure } from "../../shared/layout/states";
import { Card } from "../../shared/parts/Card";
import { TemplateBlocks } from "../../shared/parts/TemplateBlocks";

/** What the best candidate changed in each prompt of the job; the prompts themselves while there is none. */
export function Change({ job, candidates }: { job: Job; candidates: readonly Candidate[] | undefined }) {
  const jobId = job.job_id ?? "";
  const sourceId = candidates?.find((candidate) => candidate.status === "SOURCE")?.candidate_id;
  const bestId = job.best_candidate_id;
  const found = bestId !== undefined && bestId !== sourceId;
  const inputs = useQuery(inputsQuery(jobId));
  const best = useQuery({ ...candidateQuery(jobId, bestId ?? ""), enabled: found });
  const title = !found ? "The prompt" : isFinal(job.state?.status) ? "What changed" : "What changed so far";
  const error = inputs.error ?? best.error;
  const prompts = inputs.data?.prompts ?? [];
  return (
    <Card title={title}>
      {error && (
        <Failure error={error} onRetry={() => void Promise.all([inputs.refetch(), best.refetch()])} />
      )}
      {inputs.isPending && <Skeleton h={140} />}
      <Stack gap="lg">
        {prompts.map(({ name = "", uri, template }) => (
          <Stack key={name} gap="xs">
            {prompts.length > 1 && <Text fw={600}>{visible(name)}</Text>}
            <OneChange
              before={template}
              beforeLabel={`Source, v${promptOf(uri).version}`}
              after={found ? best.data?.candidate.texts?.[name] : undefined}
              afterLabel={labelOf(job, best.data?.candidate)}
            />
          </Stack>
        ))}
      </Stack>
    </Card>
  );
}

interface OneChangeProps {
  before: Template | undefined;
  beforeLabel: string;
  after: Template | undefined;
  afterLabel: string;
}

function OneChange({ before, beforeLabel, after, afterLabel }: OneChangeProps) {
  if (after === undefined) return <TemplateBlocks template={before ?? {}} label={beforeLabel} />;
  return <PromptDiff before={before} after={after} beforeLabel={beforeLabel} afterLabel={afterLabel} />;
}

function labelOf(job: Job, best: Candidate | undefined): string {
  if (job.optimized_prompt_uri) return `New, v${promptOf(job.optimized_prompt_uri).version}`;
  return `Best, candidate ${best?.number ?? "–"}`;
}
