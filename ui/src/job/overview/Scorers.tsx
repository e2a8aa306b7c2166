import type { Job } from "../../shared/api/types";
import { formatDifference, formatScore, formatShort, formatUsd } from "../../shared/format/numbers";
import { Card } from "../../shared/parts/Card";
import classes from "./Overview.module.css";

/** What each scorer says on validation, and who spent what. */
export function Scorers({ job, title = "Scorers on validation" }: { job: Job; title?: string }) {
  const names = Object.keys(job.initial_eval_scores ?? {}).filter((name) => name !== "aggregate");
  const roles = Object.entries(job.usage?.roles ?? {});
  return (
    <Card title={title}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Scorer</th>
            <th scope="col">Source</th>
            <th scope="col">Best</th>
            <th scope="col">Change</th>
          </tr>
        </thead>
        <tbody>
          {names.length === 0 && (
            <tr>
              <td colSpan={4}>{(job.config?.scorers ?? []).join(", ") || "–"}</td>
            </tr>
          )}
          {names.map((name) => {
            const before = job.initial_eval_scores?.[name];
            const after = job.final_eval_scores?.[name];
            const change = before !== undefined && after !== undefined ? after - before : undefined;
            const tone = !change ? undefined : change > 0 ? classes.up : classes.down;
            return (
              <tr key={name}>
                <td>{name}</td>
                <td>{formatScore(before)}</td>
                <td>{formatScore(after)}</td>
                <td className={tone}>{formatDifference(change)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {roles.length > 0 && (
        <table className={classes.table} style={{ marginTop: 18 }}>
          <thead>
            <tr>
              <th scope="col">Model calls</th>
              <th scope="col">Calls</th>
              <th scope="col">Tokens</th>
              <th scope="col">Cost</th>
            </tr>
          </thead>
          <tbody>
            {roles.map(([role, usage]) => (
              <tr key={role}>
                <td>{role}</td>
                <td>{formatShort(usage.calls)}</td>
                <td>
                  {usage.prompt_tokens === undefined
                    ? "unknown"
                    : formatShort(usage.prompt_tokens + (usage.completion_tokens ?? 0))}
                </td>
                <td title={formatUsd(usage.usd)}>
                  {usage.usd === undefined ? "unknown" : formatUsd(usage.usd)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
