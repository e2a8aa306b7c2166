import { Select, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Job, JobComparison, TestScores } from "../shared/api/types";
import { decimalsFor, formatDifference, plural } from "../shared/format/numbers";
import { VERDICT_WORDS, wordOf } from "../shared/format/words";
import { Failure } from "../shared/layout/states";
import { Card } from "../shared/parts/Card";
import { IntervalBar } from "../shared/parts/IntervalBar";
import classes from "./Compare.module.css";
import { sameData } from "./differences";
import { nameOf } from "./names";
import { comparisonQuery } from "./queries";

export interface PairedTestsProps {
  /** The one that the others are compared with. */
  base: Job;
  others: readonly Job[];
  onBase: (jobId: string) => void;
}

/** Winners against one another, example by example, on what no search has seen. */
export function PairedTests({ base, others, onBase }: PairedTestsProps) {
  const jobs = [base, ...others];
  const { data, error, refetch } = useQuery(comparisonQuery(jobs.map((job) => job.job_id ?? "")));
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
        {error && <Failure error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Skeleton h={90} />}
        {data?.map((comparison) => (
          <OnePair
            key={comparison.job_id}
            job={others.find((job) => job.job_id === comparison.job_id) ?? {}}
            comparison={comparison}
          />
        ))}
        <Text size="xs" c="dimmed">
          Means of the differences on test examples that both jobs have, with 95&nbsp;% intervals made as
          those of a job&apos;s own test. With several comparisons, one of them is more easily wrong by
          chance.
        </Text>
      </Stack>
    </Card>
  );
}

function OnePair({ job, comparison }: { job: Job; comparison: JobComparison }) {
  const { scores, verdict, reason, same_test_split: same } = comparison;
  const splits = same ? "Their test splits are the same." : "Their test splits differ in part.";
  return (
    <div className={classes.pair}>
      <div>
        <b>{nameOf(job)}</b>
        <Text size="sm" c="dimmed">
          {scores ? `${wordsOf(scores, wordOf(VERDICT_WORDS, verdict).label)} ${splits}` : reason}
        </Text>
      </div>
      {scores && (
        <IntervalBar
          low={scores.ci_low ?? 0}
          high={scores.ci_high ?? 0}
          value={scores.difference ?? 0}
          tone={wordOf(VERDICT_WORDS, verdict).tone}
          labeled
        />
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

function wordsOf({ difference, ci_low = 0, ci_high = 0, examples = 0 }: TestScores, verdict: string): string {
  const show = (number: number | undefined) => formatDifference(number, decimalsFor(ci_low, ci_high));
  return `${verdict}: ${show(difference)} (${show(ci_low)} to ${show(ci_high)}) on ${plural(examples, "common example")}.`;
}
