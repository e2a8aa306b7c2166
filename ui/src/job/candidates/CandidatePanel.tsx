import { Button, Group, SegmentedControl, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { candidateQuery } from "../../shared/api/queries";
import type { Candidate, Job } from "../../shared/api/types";
import { PromptDiff } from "../../shared/diff/PromptDiff";
import { formatDifference, formatScore, formatShort, formatUsd } from "../../shared/format/numbers";
import { isFinal } from "../../shared/format/words";
import { visible } from "../../shared/format/visible";
import { Failure } from "../../shared/layout/states";
import { Badge } from "../../shared/parts/Badge";
import { Card } from "../../shared/parts/Card";
import { TemplateBlocks } from "../../shared/parts/TemplateBlocks";
import { RegisterDialog } from "../actions/RegisterDialog";
import { Outcome } from "./CandidateTable";
import classes from "./Candidates.module.css";

type View = "parent" | "source" | "text";

export interface CandidatePanelProps {
  job: Job;
  candidateId: string;
  candidates: readonly Candidate[];
}

/** One candidate: what became of it and why, its scores, its cost, its text and what it changed. */
export function CandidatePanel({ job, candidateId, candidates }: CandidatePanelProps) {
  const jobId = job.job_id ?? "";
  const { data, error, refetch } = useQuery(candidateQuery(jobId, candidateId));
  const [registering, setRegistering] = useState(false);
  const source = candidates.find((candidate) => candidate.status === "SOURCE");
  const listed = candidates.find((candidate) => candidate.candidate_id === candidateId);
  const candidate = { ...data?.candidate, ...listed };
  const parent = candidates.find((each) => each.candidate_id === candidate.parents?.[0]) ?? source;
  if (!listed && error) return <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <div className={classes.panel}>
      <Card
        title={`Candidate ${candidate.number ?? "–"}`}
        aside={
          <Group gap={6}>
            {candidateId === job.best_candidate_id && <Badge tone="good">best</Badge>}
            {candidate.on_pareto_front && <Badge tone="live">on the Pareto front</Badge>}
            <Outcome candidate={candidate} />
          </Group>
        }
      >
        <Group justify="space-between" align="flex-start">
          <Facts candidate={candidate} source={source} />
          {isFinal(job.state?.status) && candidate.status !== "SOURCE" && candidate.status !== "REFUSED" && (
            <Button size="compact-sm" variant="default" onClick={() => setRegistering(true)}>
              Register…
            </Button>
          )}
        </Group>
        <RegisterDialog
          job={job}
          candidate={candidate}
          opened={registering}
          onClose={() => setRegistering(false)}
        />
        {candidate.reason && <p className={classes.reason}>{visible(candidate.reason)}</p>}
        {error ? (
          <Failure error={error} onRetry={() => void refetch()} />
        ) : data ? (
          <Texts jobId={jobId} candidate={data.candidate} parent={parent} source={source} />
        ) : (
          <Skeleton h={220} />
        )}
      </Card>
    </div>
  );
}

function Facts({ candidate, source }: { candidate: Candidate; source: Candidate | undefined }) {
  const scores = Object.entries(candidate.scores ?? {});
  const shown = scores.length === 2 ? scores.slice(0, 1) : scores; // one scorer is the whole
  return (
    <dl className={classes.facts}>
      {shown.map(([name, value]) => {
        const change = value - (source?.scores?.[name] ?? Number.NaN);
        return (
          <div key={name}>
            <dt>{name === "aggregate" ? "Validation" : visible(name)}</dt>
            <dd>
              {formatScore(value)}{" "}
              {candidate.status !== "SOURCE" && !Number.isNaN(change) && (
                <small style={{ color: change > 0 ? "var(--good)" : change < 0 ? "var(--bad)" : undefined }}>
                  {formatDifference(change)}
                </small>
              )}
            </dd>
          </div>
        );
      })}
      {shown.length === 0 && (
        <div>
          <dt>Validation</dt>
          <dd>–</dd>
        </div>
      )}
      <Fact name="Prompt tokens" value={formatShort(candidate.objectives?.prompt_tokens)} />
      {candidate.objectives?.usd !== undefined && (
        <Fact name="One answer" value={formatUsd(candidate.objectives.usd)} />
      )}
      <Fact name="Its calls" value={formatShort(candidate.usage?.calls)} />
      {candidate.usage?.usd !== undefined && <Fact name="Its cost" value={formatUsd(candidate.usage.usd)} />}
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

interface TextsProps {
  jobId: string;
  candidate: Candidate;
  parent: Candidate | undefined;
  source: Candidate | undefined;
}

function Texts({ jobId, candidate, parent, source }: TextsProps) {
  const isSource = candidate.status === "SOURCE";
  const sameParent = parent?.candidate_id === source?.candidate_id;
  const [chosen, setView] = useState<View>();
  const view: View = isSource ? "text" : (chosen ?? "source");
  const other = view === "parent" ? parent : source;
  const otherId = other?.candidate_id;
  const against = useQuery({
    ...candidateQuery(jobId, otherId ?? ""),
    enabled: !isSource && otherId !== undefined,
  });
  return (
    <Stack gap="sm">
      {!isSource && (
        <SegmentedControl
          size="xs"
          style={{ alignSelf: "flex-start" }}
          aria-label="What the text is compared with"
          value={view}
          onChange={setView}
          data={[
            { value: "source", label: "vs. source" },
            ...(sameParent
              ? []
              : [{ value: "parent" as const, label: `vs. parent ${parent?.number ?? "–"}` }]),
            { value: "text", label: "Text" },
          ]}
        />
      )}
      {Object.entries(candidate.texts ?? {}).map(([name, text]) => (
        <Stack key={name} gap={6}>
          {Object.keys(candidate.texts ?? {}).length > 1 && <Text fw={600}>{visible(name)}</Text>}
          {view === "text" ? (
            <TemplateBlocks template={text} />
          ) : against.data ? (
            <PromptDiff
              before={against.data.candidate.texts?.[name]}
              after={text}
              beforeLabel={other?.status === "SOURCE" ? "Source" : `Candidate ${other?.number ?? "–"}`}
              afterLabel={`Candidate ${candidate.number ?? "–"}`}
            />
          ) : against.error ? (
            <Failure error={against.error} onRetry={() => void against.refetch()} />
          ) : (
            <Skeleton h={120} />
          )}
        </Stack>
      ))}
    </Stack>
  );
}
