import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useDebouncedValue, useDocumentTitle } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { api, ask } from "../shared/api/client";
import { JOBS } from "../shared/api/paths";
import { newKey } from "../shared/api/once";
import { jobQuery } from "../shared/api/queries";
import type { Job, JobConfig } from "../shared/api/types";
import { promptOf } from "../shared/format/words";
import { visible } from "../shared/format/visible";
import { Failure, Pending } from "../shared/layout/states";
import { DataField } from "./DataField";
import { draftOf, EMPTY, missingIn, tidied, type Draft } from "./draft";
import { Equivalents } from "./Equivalents";
import { EstimatePanel } from "./EstimatePanel";
import { LimitFields } from "./LimitFields";
import { ModelFields } from "./ModelFields";
import { MoreFields } from "./MoreFields";
import classes from "./New.module.css";
import { OptimizerField } from "./OptimizerField";
import { readComplaints } from "./problems";
import { PromptField } from "./PromptField";
import { estimateQuery } from "./queries";
import { ScorerField } from "./ScorerField";
import { useDraft } from "./use-draft";

const route = getRouteApi("/new");
const TYPING_MS = 400;

/** A form for a new job, empty or filled from another one. */
export function NewPage() {
  const { from } = route.useSearch();
  const { data, error, refetch } = useQuery({ ...jobQuery(from ?? ""), enabled: from !== undefined });
  const initial = useMemo(() => data && draftOf(data), [data]);
  useDocumentTitle("New job · Burnish");
  if (from === undefined) return <NewForm key="" initial={EMPTY} />;
  if (data && initial) return <NewForm key={from} original={data} initial={initial} />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  return <Pending />;
}

function NewForm({ original, initial }: { original?: Job; initial: Draft }) {
  const { draft, change, forget, restart } = useDraft(original?.job_id ?? "", initial);
  const navigate = useNavigate();
  const body = useMemo(() => tidied(draft), [draft]);
  const [settled] = useDebouncedValue(body, TYPING_MS);
  const missing = missingIn(body);
  const estimate = useQuery({
    ...estimateQuery(settled, missing.length === 0 && missingIn(settled).length === 0),
    placeholderData: keepPreviousData,
  });
  const show = async (job: Job | undefined) => {
    forget();
    await navigate({ to: "/jobs/$jobId", params: { jobId: job?.job_id ?? "" } });
  };
  // One key for each request: clicked twice, or sent again because the answer was lost, it is one job.
  const key = useMemo(() => ({ body, value: newKey() }), [body]).value;
  const [repeatKey] = useState(newKey);
  const creation = useMutation({
    mutationFn: async ({ request, key }: { request: Draft; key: string }) =>
      (await ask(api.POST(JOBS, { body: request, headers: { "Idempotency-Key": key } }))).job,
    onSuccess: show,
  });
  // What the last create was refused for stands until something is changed.
  const error = creation.error ?? (missing.length === 0 ? estimate.error : null);
  const complaints = useMemo(() => readComplaints(error), [error]);
  const onChange = (changes: Partial<Draft>) => {
    if (creation.isError) creation.reset();
    change(changes);
  };
  const onConfig = (changes: Partial<JobConfig>) => onChange({ config: { ...draft.config, ...changes } });
  const form = { draft, complaints, onChange, onConfig };
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="xs">
        <Title order={1}>New job</Title>
        <Button size="xs" variant="subtle" color="gray" onClick={restart}>
          Start over
        </Button>
      </Group>
      {original && (
        <Original
          job={original}
          busy={creation.isPending}
          onRepeat={() => creation.mutate({ request: { like_job_id: original.job_id }, key: repeatKey })}
        />
      )}
      <div className={classes.columns}>
        <Stack gap="md" className={classes.form}>
          <PromptField {...form} />
          <DataField {...form} />
          <ScorerField {...form} />
          <OptimizerField {...form} />
          <ModelFields {...form} />
          <LimitFields {...form} />
          <MoreFields {...form} />
        </Stack>
        <Stack gap="md" className={classes.aside}>
          <EstimatePanel
            estimate={estimate.error ? undefined : estimate.data}
            busy={estimate.isFetching || settled !== body}
            missing={missing}
            error={error}
            complaints={complaints}
            creating={creation.isPending}
            onCreate={() => creation.mutate({ request: body, key })}
          />
          <Equivalents draft={draft} />
        </Stack>
      </div>
    </Stack>
  );
}

interface OriginalProps {
  job: Job;
  busy: boolean;
  onRepeat: () => void;
}

/** Where the form was filled from, and the shorter way to the very same job. */
function Original({ job, busy, onRepeat }: OriginalProps) {
  return (
    <div className={classes.original}>
      <Text size="sm">
        Filled from{" "}
        <Link to="/jobs/$jobId" params={{ jobId: job.job_id ?? "" }}>
          {visible(promptOf(job.source_prompt_uri).name)}, {(job.job_id ?? "").slice(0, 8)}
        </Link>
        . Prompt, records and judges are looked up in MLflow anew. To run on exactly what that job ran on,
        whatever has become of it since, make it again as it was.
      </Text>
      <Button size="xs" variant="default" loading={busy} onClick={onRepeat}>
        Make it again as it was
      </Button>
    </div>
  );
}
