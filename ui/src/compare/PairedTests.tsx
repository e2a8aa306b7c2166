import { Select, Skeleton, Stack, Text } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import type { Job } from "../shared/api/types";
import { decimalsFor, formatDifference, plural } from "../shared/format/numbers";
import type { Tone } from "../shared/format/words";
import { Failure } from "../shared/layout/states";
import { Card } from "../shared/parts/Card";
import { IntervalBar } from "../shared/parts/IntervalBar";
import { FEWEST_PAIRS, pairedBootstrap, type PairedDifference } from "./bootstrap";
import classes from "./Compare.module.css";
import { pairsOf, sameData, sameKeys, scoresOf } from "./differences";
import { nameOf } from "./names";
import { testScoresQuery } from "./queries";

export interface PairedTestsProps {
  jobs: readonly Job[];
  /** The one that the others are compared with. */
  base: Job;
  onBase: (jobId: string) => void;
}

/** Winners against one another, example by example, on what no search has seen. */
export function PairedTests({ jobs, base, onBase }: PairedTestsProps) {
  const found = useQueries({ queries: jobs.map((job) => testScoresQuery(job.job_id ?? "")) });
  const scores = new Map(
    jobs.map((job, position) => [job, scoresOf(found[position]?.data ?? {}, job.best_candidate_id ?? "")]),
  );
  const of = (job: Job) => scores.get(job) ?? new Map<string, number>();
  const failed = found.find((query) => query.error);
  return (
    <Card
      title="The winners on the sealed test"
      aside={
        <Select
          size="xs"
          aria-label="Compared with"
          value={base.job_id ?? null}
          onChange={(id) => id && onBase(id)}
          data={jobs.map((job) => ({ value: job.job_id ?? "", label: `Compared with ${nameOf(job)}` }))}
          allowDeselect={false}
          className={classes.base}
        />
      }
    >
      <Stack gap="md">
        <Text size="sm">{dataWords(jobs)}</Text>
        {failed && <Failure error={failed.error} onRetry={() => void failed.refetch()} />}
        {found.some((query) => query.isPending) ? (
          <Skeleton h={90} />
        ) : (
          jobs
            .filter((job) => job !== base)
            .map((job) => <OnePair key={job.job_id} base={base} job={job} one={of(base)} other={of(job)} />)
        )}
        <Text size="xs" c="dimmed">
          Means of the differences on test examples that both jobs have, with 95 % intervals by a paired
          bootstrap made in this page. With several comparisons, one of them is more easily wrong by chance.
        </Text>
      </Stack>
    </Card>
  );
}

interface OnePairProps {
  base: Job;
  job: Job;
  one: ReadonlyMap<string, number>;
  other: ReadonlyMap<string, number>;
}

function OnePair({ base, job, one, other }: OnePairProps) {
  const differences = pairsOf(one, other);
  const found = pairedBootstrap(differences);
  const why = whyNot(base, job, one, other, differences.length);
  return (
    <div className={classes.pair}>
      <div>
        <b>{nameOf(job)}</b>
        <Text size="sm" c="dimmed">
          {why ?? (found ? wordsOf(found) : "")}{" "}
          {!why &&
            (sameKeys(one, other) ? "Their test splits are the same." : "Their test splits differ in part.")}
        </Text>
      </div>
      {!why && found && (
        <IntervalBar low={found.low} high={found.high} value={found.mean} tone={toneOf(found)} labeled />
      )}
    </div>
  );
}

function dataWords(jobs: readonly Job[]): string {
  const { data, records } = sameData(jobs);
  if (data) return "All ran on the same records (the digests of their data are equal).";
  if (records)
    return "They name the same dataset, but it was changed between them: the digests of their data differ.";
  return "They ran on different data: their scores are not comparable as they stand.";
}

/** Why two winners cannot be compared; undefined where they can. */
function whyNot(
  base: Job,
  job: Job,
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
  pairs: number,
): string | undefined {
  if (!sameData([base, job]).data) return "Another dataset, so there is nothing to pair.";
  const untested = [base, job].filter((each) => (each === base ? one : other).size === 0);
  if (untested.length) return `${untested.map(nameOf).join(" and ")}: no winner has been tested yet.`;
  if (scorersOf(base) !== scorersOf(job))
    return "Scored by other scorers, so the scores mean something else.";
  if (pairs < FEWEST_PAIRS)
    return `Only ${plural(pairs, "test example")} in common; below ${FEWEST_PAIRS} they show mostly luck.`;
  return undefined;
}

function scorersOf(job: Job): string {
  return [...(job.config?.scorers ?? [])].sort().join("\n");
}

function wordsOf({ mean, low, high, pairs }: PairedDifference): string {
  const decimals = decimalsFor(low, high);
  const difference = formatDifference(mean, decimals);
  const interval = `${formatDifference(low, decimals)} to ${formatDifference(high, decimals)}`;
  const verdict = low > 0 ? "Better" : high < 0 ? "Worse" : "No proven difference";
  return `${verdict}: ${difference} (${interval}) on ${plural(pairs, "common example")}.`;
}

function toneOf({ low, high }: PairedDifference): Tone {
  return low > 0 ? "good" : high < 0 ? "bad" : "neutral";
}
