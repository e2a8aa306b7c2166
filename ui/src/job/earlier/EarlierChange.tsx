import { Skeleton, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { versionsQuery } from "../../shared/api/queries";
import type { Job, Template } from "../../shared/api/types";
import { PromptDiff } from "../../shared/diff/PromptDiff";
import { promptOf } from "../../shared/format/words";
import { Failure } from "../../shared/layout/states";
import { Card } from "../../shared/parts/Card";
import { TemplateBlocks } from "../../shared/parts/TemplateBlocks";

/** The versions as they stand in the registry. */
export function EarlierChange({ job }: { job: Job }) {
  const source = promptOf(job.source_prompt_uri);
  const made = job.optimized_prompt_uri ? promptOf(job.optimized_prompt_uri) : undefined;
  const { data, error, isPending, refetch } = useQuery(versionsQuery(source.name));
  const templateOf = (version: string | undefined): Template | undefined =>
    data?.find((entry) => String(entry.version) === version || entry.aliases?.includes(version ?? ""))
      ?.template;
  const before = templateOf(source.version);
  const after = templateOf(made?.version);
  const beforeLabel = `Source, v${source.version}`;
  return (
    <Card title={made ? "What changed" : "The prompt"}>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton h={140} />}
      {data && !before && <Text c="dimmed">The source prompt is not among the newest hundred versions.</Text>}
      {before && !after && <TemplateBlocks template={before} label={beforeLabel} />}
      {before && after && (
        <PromptDiff
          before={before}
          after={after}
          beforeLabel={beforeLabel}
          afterLabel={`New, v${made?.version ?? ""}`}
        />
      )}
    </Card>
  );
}
