import { Group, SegmentedControl, Select, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Candidate, Job } from "../../shared/api/types";
import { isFinal } from "../../shared/format/words";
import { Failure } from "../../shared/layout/states";
import { Card } from "../../shared/parts/Card";
import { ExamplePanel } from "./ExamplePanel";
import { Fates } from "./Fates";
import { Heatmap } from "./Heatmap";
import { fatesOf, orderColumns, type Fate, type Order } from "./matrix";
import { matrixQuery, SPLITS, type Split } from "./queries";

const route = getRouteApi("/jobs/$jobId");
const SPLIT_WORDS: Record<Split, string> = { validation: "Validation", test: "Sealed test", train: "Train" };

/** How every candidate did on every example, and what they said. */
export default function ExamplesTab({
  job,
  candidates,
}: {
  job: Job;
  candidates?: readonly Candidate[] | undefined;
}) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [split, setSplit] = useState<Split>("validation");
  const [scorer, setScorer] = useState("aggregate");
  const [order, setOrder] = useState<Order>("fate");
  const [only, setOnly] = useState<Fate>();
  const matrix = useQuery(matrixQuery(job.job_id ?? "", split, scorer));
  const sourceId = candidates?.find((candidate) => candidate.status === "SOURCE")?.candidate_id;
  const bestId = job.best_candidate_id;
  const fates = useMemo(
    () => (matrix.data ? fatesOf(matrix.data, sourceId, bestId) : []),
    [matrix.data, sourceId, bestId],
  );
  const columns = useMemo(() => {
    if (!matrix.data) return [];
    return orderColumns(matrix.data, fates, order).filter(
      (column) => only === undefined || fates[column] === only,
    );
  }, [matrix.data, fates, order, only]);
  const select = (candidate: string, example: string) =>
    void navigate({ search: (now) => ({ ...now, candidate, example }), replace: true, resetScroll: false });
  const scorers = Object.keys(job.initial_eval_scores ?? {}).filter((name) => name !== "aggregate");
  const example = search.example ?? matrix.data?.exampleIds[columns[0] ?? -1];
  const candidateId = search.candidate ?? bestId ?? sourceId;
  const empty = matrix.data?.exampleIds.length === 0;
  return (
    <Stack gap="md">
      <Card
        title="Candidates and examples"
        aside={
          <Group gap="xs">
            <SegmentedControl
              size="xs"
              aria-label="Which examples"
              value={split}
              onChange={(to) => {
                setSplit(to);
                setOnly(undefined);
              }}
              data={SPLITS.map((value) => ({ value, label: SPLIT_WORDS[value] }))}
            />
            {scorers.length > 1 && (
              <Select
                size="xs"
                aria-label="Whose scores"
                w={160}
                value={scorer}
                allowDeselect={false}
                onChange={(to) => setScorer(to ?? "aggregate")}
                data={[{ value: "aggregate", label: "All scorers together" }, ...scorers]}
              />
            )}
            <Select
              size="xs"
              aria-label="Order of the examples"
              w={220}
              value={order}
              allowDeselect={false}
              onChange={(to) => setOrder(to ?? "fate")}
              data={[
                { value: "fate", label: "Fixed first, then broken" },
                { value: "hardest", label: "Hardest first" },
                { value: "given", label: "As in the data" },
              ]}
            />
          </Group>
        }
      >
        {matrix.error && <Failure error={matrix.error} onRetry={() => void matrix.refetch()} />}
        {matrix.isPending && <Skeleton h={300} />}
        {empty && (
          <Text size="sm" c="dimmed" py="xl" ta="center">
            {split === "test"
              ? isFinal(job.state?.status)
                ? "The sealed test was not reached."
                : "Sealed until the search has ended. Then the source and the winner are scored on it, once."
              : "Nothing has been scored on these examples yet."}
          </Text>
        )}
        {matrix.data && !empty && (
          <Stack gap="sm">
            <Fates fates={fates} only={only} onOnly={setOnly} />
            <Heatmap
              matrix={matrix.data}
              columns={columns}
              candidates={candidates ?? []}
              bestId={bestId}
              selected={{ candidate: candidateId, example }}
              onSelect={select}
            />
          </Stack>
        )}
      </Card>
      {example !== undefined && candidateId !== undefined && (
        <ExamplePanel
          job={job}
          exampleId={example}
          sourceId={sourceId}
          candidateId={candidateId}
          candidates={candidates ?? []}
          measured={matrix.data?.rows.map((row) => row.candidateId) ?? []}
          exampleIds={columns.map((column) => matrix.data?.exampleIds[column] ?? "")}
          onSelect={select}
        />
      )}
    </Stack>
  );
}
