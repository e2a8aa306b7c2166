import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Job } from "../shared/api/types";
import { formatScore, formatShort, formatUsd } from "../shared/format/numbers";
import { formatDuration } from "../shared/format/time";
import { isEarlier, isFinal, optimizerName, promptOf, VERDICT_WORDS, wordOf } from "../shared/format/words";
import { visible } from "../shared/format/visible";
import { Ago } from "../shared/parts/Ago";
import { Badge, StatusBadge, VerdictBadge } from "../shared/parts/Badge";
import { IntervalBar } from "../shared/parts/IntervalBar";
import type { ColumnKey } from "./columns";
import classes from "./Jobs.module.css";

/** What stands in each column; `extent` is the scale of differences. */
export const CELLS: Record<ColumnKey, (job: Job, extent: number) => ReactNode> = {
  status: (job) => <StatusCell job={job} />,
  prompt: (job) => <PromptCell job={job} />,
  optimizer: (job) => optimizerName(job.config?.optimizer_type),
  score: (job) => <ScoreCell job={job} />,
  test: (job, extent) => <TestCell job={job} extent={extent} />,
  cost: (job) => <CostCell job={job} />,
  duration: (job) => formatDuration(job.seconds_spent),
  tags: (job) => <TagsCell job={job} />,
  dataset: (job) => <DatasetCell job={job} />,
  age: (job) => <Ago ms={job.creation_timestamp_ms} />,
};

function StatusCell({ job }: { job: Job }) {
  const { completed = 0, total } = job.state?.progress ?? {};
  const running = job.state?.status === "JOB_STATUS_IN_PROGRESS";
  const share = total ? Math.min(1, completed / total) : 0;
  return (
    <span className={classes.status} title={job.state?.error_message}>
      <StatusBadge status={job.state?.status} />
      {running && (
        <span
          className={classes.progress}
          role="progressbar"
          aria-label="Progress"
          aria-valuenow={Math.round(share * 100)}
        >
          <span style={{ width: `${share * 100}%` }} />
        </span>
      )}
    </span>
  );
}

function PromptCell({ job }: { job: Job }) {
  const { name, version } = promptOf(job.source_prompt_uri);
  const further = job.config?.further_source_prompt_uris?.length ?? 0;
  return (
    <Link
      to="/jobs/$jobId"
      params={{ jobId: job.job_id ?? "" }}
      className={classes.prompt}
      title={`${visible(name)} ${version}, job ${job.job_id ?? ""}`}
      tabIndex={-1}
      onClick={(event) => event.stopPropagation()} // the row would open it once more
    >
      {visible(name)}
      <small>
        {version && ` v${version}`}
        {further > 0 && ` +${further}`}
        {job.kind === "app" && " · app"}
      </small>
    </Link>
  );
}

function ScoreCell({ job }: { job: Job }) {
  const before = job.initial_eval_scores?.aggregate;
  if (before === undefined) return <>–</>;
  const scored = job.final_eval_scores?.aggregate ?? job.best_score;
  const after = scored ?? before;
  const low = Math.min(before, after);
  return (
    <span
      className={classes.score}
      title={isEarlier(job) ? "Source and new prompt" : "Source and best on validation"}
    >
      <span>
        {formatScore(before)} → <b>{scored === undefined ? "…" : formatScore(scored)}</b>
      </span>
      <span className={classes.track} aria-hidden>
        <span className={classes.base} style={{ width: `${low * 100}%` }} />
        <span
          className={after >= before ? classes.gain : classes.loss}
          style={{ left: `${low * 100}%`, width: `${Math.abs(after - before) * 100}%` }}
        />
      </span>
    </span>
  );
}

function TestCell({ job, extent }: { job: Job; extent: number }) {
  const test = job.test_scores;
  if (isEarlier(job)) return <Badge tone="neutral">Made by MLflow</Badge>; // which has no such test
  if (!test || test.difference === undefined || !job.verdict) {
    return (
      <>
        {isFinal(job.state?.status) || !job.state ? "–" : <span className={classes.later}>at the end</span>}
      </>
    );
  }
  return (
    <span className={classes.test}>
      <IntervalBar
        low={test.ci_low ?? test.difference}
        high={test.ci_high ?? test.difference}
        value={test.difference}
        tone={wordOf(VERDICT_WORDS, job.verdict).tone}
        extent={extent}
      />
      <VerdictBadge verdict={job.verdict} short />
    </span>
  );
}

function CostCell({ job }: { job: Job }) {
  const { calls, usd } = job.usage ?? {};
  if (calls === undefined) return <>–</>;
  return (
    <span title={`${calls} calls; ${formatUsd(usd)}`}>
      {usd === undefined ? `${formatShort(calls)} calls` : formatUsd(usd)}
    </span>
  );
}

function DatasetCell({ job }: { job: Job }) {
  const id = job.config?.dataset_id;
  return <span title={id}>{visible(job.dataset?.name ?? id?.slice(0, 10) ?? "–")}</span>;
}

function TagsCell({ job }: { job: Job }) {
  return (
    <span className={classes.tags}>
      {(job.tags ?? []).map((tag) => (
        <span key={tag.key} title={visible(`${tag.key ?? ""}: ${tag.value ?? ""}`)}>
          {visible(tag.value || tag.key || "")}
        </span>
      ))}
    </span>
  );
}
