import type { Job } from "../../shared/api/types";
import {
  decimalsFor,
  formatCount,
  formatDifference,
  formatScore,
  formatShort,
  formatUsd,
  plural,
} from "../../shared/format/numbers";
import { formatDuration } from "../../shared/format/time";
import { isFinal } from "../../shared/format/words";
import { Ago } from "../../shared/parts/Ago";
import { Card } from "../../shared/parts/Card";
import { secondsLeft } from "../live/progress";
import { limitsOf } from "./limits";
import { Meter } from "./Meter";
import classes from "./Overview.module.css";

/** Four answers: how it did in the search, how in the test, what it cost, how long it took. */
export function Cards({ job }: { job: Job }) {
  return (
    <div className={classes.cards}>
      <ValidationCard job={job} />
      <TestCard job={job} />
      <CostCard job={job} />
      <TimeCard job={job} />
    </div>
  );
}

function ValidationCard({ job }: { job: Job }) {
  const before = job.initial_eval_scores?.aggregate;
  const after = job.final_eval_scores?.aggregate;
  return (
    <Card>
      <p className={classes.label}>Validation</p>
      <Scores before={before} after={after} decimals={2} />
      <div className={classes.note}>
        {isFinal(job.state?.status)
          ? before === undefined
            ? "Not reached."
            : "The search chose by this score, so it runs high."
          : before === undefined
            ? "The source prompt is scored first."
            : "The search chooses by this score."}
      </div>
    </Card>
  );
}

function TestCard({ job }: { job: Job }) {
  const test = job.test_scores;
  const decimals = decimalsFor(test?.ci_low ?? 0, test?.ci_high ?? 0);
  return (
    <Card>
      <p className={classes.label}>Sealed test</p>
      <Scores before={test?.initial} after={test?.final} decimals={decimals} />
      <div className={classes.note}>
        {test
          ? `${formatDifference(test.difference, decimals)} on ${plural(test.examples ?? 0, "pair")}, scored once.`
          : isFinal(job.state?.status)
            ? "Not reached."
            : "Scored once, at the end."}
      </div>
    </Card>
  );
}

function Scores({ before, after, decimals }: { before?: number; after?: number; decimals: number }) {
  if (before === undefined && after === undefined) return <div className={classes.figure}>–</div>;
  return (
    <div className={classes.figure}>
      <small>{formatScore(before, decimals)} →</small> {formatScore(after, decimals)}
    </div>
  );
}

function CostCard({ job }: { job: Job }) {
  const usage = job.usage;
  const limits = limitsOf(job);
  const live = !isFinal(job.state?.status);
  const known = Object.values(usage?.roles ?? {}).reduce((sum, role) => sum + (role.usd ?? 0), 0);
  const unmetered = usage !== undefined && usage.prompt_tokens === undefined; // an app that leaves no trace
  const tokens = (usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0);
  return (
    <Card>
      <p className={classes.label}>Cost</p>
      <div className={classes.figure}>
        {usage?.usd === undefined ? (
          <>
            {formatCount(usage?.calls ?? 0)} <small>calls · price unknown</small>
          </>
        ) : (
          <>
            {formatUsd(usage.usd)} <small>{plural(usage.calls ?? 0, "call")}</small>
          </>
        )}
      </div>
      <div className={classes.note}>
        {unmetered ? "tokens unknown" : `${formatShort(tokens)} tokens`}
        {usage?.usd === undefined && known > 0 && ` · at least ${formatUsd(known)}`}
      </div>
      {limits.map((limit) => (
        <Meter key={limit.name} {...limit} live={live} />
      ))}
    </Card>
  );
}

function TimeCard({ job }: { job: Job }) {
  const left = secondsLeft(job);
  const live = !isFinal(job.state?.status);
  const progress = job.state?.progress;
  const attempts = job.attempt ?? 0;
  return (
    <Card>
      <p className={classes.label}>Time</p>
      <div className={classes.figure}>
        {formatDuration(job.seconds_spent)}
        {live && left !== undefined && <small>at most {formatDuration(left)} left</small>}
      </div>
      <div className={classes.note}>
        {live && progress?.phase ? (
          `Now: ${PHASES[progress.phase] ?? progress.phase}`
        ) : (
          <>
            Ended <Ago ms={job.completion_timestamp_ms} />
          </>
        )}
        {attempts > 1 && ` · attempt ${attempts}`}
      </div>
      {live && progress?.total !== undefined && job.config?.budget?.max_calls === undefined && (
        <Meter
          name={progress.unit ?? ""}
          spent={progress.completed ?? 0}
          limit={progress.total}
          words={`${formatCount(progress.completed)} of at most ${formatCount(progress.total)}`}
          live
        />
      )}
    </Card>
  );
}

const PHASES: Partial<Record<string, string>> = {
  starting: "starting",
  source: "scoring the source prompt",
  search: "searching",
  test: "the sealed test",
  teaching: "asking the teacher",
};
