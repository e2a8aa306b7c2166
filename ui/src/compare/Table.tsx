import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Job, JobInputs } from "../shared/api/types";
import { decimalsFor, formatCount, formatScore, formatUsd, plural } from "../shared/format/numbers";
import { formatDuration } from "../shared/format/time";
import { visible } from "../shared/format/visible";
import { StatusBadge, VerdictBadge } from "../shared/parts/Badge";
import { Card } from "../shared/parts/Card";
import classes from "./Compare.module.css";
import { settingRows } from "./differences";
import { nameOf } from "./names";

export interface TableProps {
  jobs: readonly Job[];
  inputs: readonly (JobInputs | undefined)[];
}

const RESULTS: readonly [string, (job: Job) => ReactNode][] = [
  ["Status", (job) => <StatusBadge status={job.state?.status} />],
  ["Verdict", (job) => (job.verdict ? <VerdictBadge verdict={job.verdict} /> : "–")],
  [
    "Validation",
    (job) =>
      job.initial_eval_scores?.aggregate === undefined
        ? "–"
        : `${formatScore(job.initial_eval_scores.aggregate)} → ${formatScore(job.final_eval_scores?.aggregate ?? job.best_score)}`,
  ],
  ["Sealed test", testOf],
  ["Cost", (job) => `${plural(job.usage?.calls ?? 0, "call")}, ${formatUsd(job.usage?.usd)}`],
  ["Running time", (job) => formatDuration(job.seconds_spent)],
];

/** What came of each, then the settings that differ; the others on demand. */
export function Table({ jobs, inputs }: TableProps) {
  const { differing, same } = settingRows(jobs, inputs);
  return (
    <Card title="Results and what differs">
      <div className={classes.scroll} tabIndex={0} role="region" aria-label="Jobs side by side">
        <table className={classes.table}>
          <thead>
            <tr>
              <td />
              {jobs.map((job) => (
                <th key={job.job_id} scope="col">
                  <Link to="/jobs/$jobId" params={{ jobId: job.job_id ?? "" }}>
                    {nameOf(job)}
                  </Link>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {RESULTS.map(([name, show]) => (
              <Row key={name} name={name} values={jobs.map(show)} />
            ))}
            <tr>
              <th colSpan={jobs.length + 1} className={classes.part} scope="colgroup">
                {differing.length ? "Settings that differ" : "All settings are the same"}
              </th>
            </tr>
            {differing.map(({ name, values }) => (
              <Row key={name} name={visible(name)} values={values.map((value) => visible(value) || "–")} />
            ))}
          </tbody>
        </table>
      </div>
      {same.length > 0 && differing.length > 0 && (
        <details className={classes.same}>
          <summary>{plural(same.length, "setting")} they have in common</summary>
          <dl>
            {same.map(({ name, values }) => (
              <div key={name}>
                <dt>{visible(name)}</dt>
                <dd>{visible(values[0] ?? "")}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </Card>
  );
}

function Row({ name, values }: { name: string; values: readonly ReactNode[] }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      {values.map((value, position) => (
        <td key={position}>{value}</td>
      ))}
    </tr>
  );
}

function testOf({ test_scores: test }: Job): string {
  if (!test) return "–";
  const decimals = decimalsFor(test.ci_low ?? 0, test.ci_high ?? 0);
  const scores = `${formatScore(test.initial, decimals)} → ${formatScore(test.final, decimals)}`;
  return `${scores} on ${formatCount(test.examples)}`;
}
