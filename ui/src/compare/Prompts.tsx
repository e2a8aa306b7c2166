import { Select, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { candidateQuery } from "../shared/api/queries";
import type { Job } from "../shared/api/types";
import { PromptDiff } from "../shared/diff/PromptDiff";
import { visible } from "../shared/format/visible";
import { Failure } from "../shared/layout/states";
import { Card } from "../shared/parts/Card";
import classes from "./Compare.module.css";
import { nameOf } from "./names";

/** The best prompt of one job against that of another. */
export function Prompts({ base, others }: { base: Job; others: readonly Job[] }) {
  const [chosen, setChosen] = useState("");
  const other = others.find((job) => job.job_id === chosen) ?? others[0] ?? {};
  const [before, after] = [useBest(base), useBest(other)];
  const [texts, newTexts] = [before.data?.candidate.texts ?? {}, after.data?.candidate.texts ?? {}];
  const names = [...new Set([...Object.keys(texts), ...Object.keys(newTexts)])];
  // One prompt each is compared whatever the prompts are called.
  const single = Object.keys(texts).length === 1 && Object.keys(newTexts).length === 1;
  const error = before.error ?? after.error;
  const without = [base, other].filter((job) => !job.best_candidate_id);
  return (
    <Card
      title="The best prompts"
      aside={
        others.length > 1 && (
          <Select
            size="xs"
            aria-label="Prompt of"
            value={other.job_id ?? null}
            onChange={(id) => id && setChosen(id)}
            data={others.map((job) => ({ value: job.job_id ?? "", label: nameOf(job) }))}
            allowDeselect={false}
            className={classes.base}
          />
        )
      }
    >
      {error && (
        <Failure error={error} onRetry={() => void Promise.all([before.refetch(), after.refetch()])} />
      )}
      {without.length > 0 ? (
        <Text size="sm" c="dimmed">
          {without.map(nameOf).join(" and ")}: nothing has been found yet.
        </Text>
      ) : before.isPending || after.isPending ? (
        <Skeleton h={140} />
      ) : (
        <Stack gap="lg">
          {(single ? names.slice(0, 1) : names).map((name) => (
            <div key={name}>
              {!single && <Text fw={600}>{visible(name)}</Text>}
              <PromptDiff
                before={single ? Object.values(texts)[0] : texts[name]}
                after={single ? Object.values(newTexts)[0] : newTexts[name]}
                beforeLabel={nameOf(base)}
                afterLabel={nameOf(other)}
              />
            </div>
          ))}
        </Stack>
      )}
    </Card>
  );
}

function useBest(job: Job) {
  const best = job.best_candidate_id;
  return useQuery({ ...candidateQuery(job.job_id ?? "", best ?? ""), enabled: best !== undefined });
}
