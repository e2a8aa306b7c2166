import { SegmentedControl, Skeleton, Stack, Text } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Candidate, Job } from "../../shared/api/types";
import { plural } from "../../shared/format/numbers";
import { Boundary } from "../../shared/layout/states";
import { Card } from "../../shared/parts/Card";
import { CandidatePanel } from "./CandidatePanel";
import { CandidateTable } from "./CandidateTable";
import classes from "./Candidates.module.css";
import { ParetoChart } from "./ParetoChart";
import { sortRows, treeRows, type SortKey } from "./lineage";

const route = getRouteApi("/jobs/$jobId");
type View = "tree" | "table";

/** All that was tried: as a tree or a table, the selected one beside it. */
export default function CandidatesTab({
  job,
  candidates,
}: {
  job: Job;
  candidates?: readonly Candidate[] | undefined;
}) {
  const { candidate: chosen } = route.useSearch();
  const navigate = route.useNavigate();
  const [view, setView] = useState<View>("tree");
  const [sort, setSort] = useState<{ key: SortKey; descending: boolean }>({ key: "score", descending: true });
  if (candidates === undefined) return <Skeleton h={360} />;
  if (candidates.length === 0) {
    return (
      <Text c="dimmed">
        No candidate yet. The first is the source prompt itself, once it has been scored.
      </Text>
    );
  }
  const selected = chosen ?? job.best_candidate_id ?? candidates[0]?.candidate_id;
  const select = (id: string | undefined) =>
    void navigate({ search: (now) => ({ ...now, candidate: id }), replace: true, resetScroll: false });
  const rows = view === "tree" ? treeRows(candidates) : sortRows(candidates, sort.key, sort.descending);
  const measured = candidates.filter((candidate) => candidate.scores?.aggregate !== undefined);
  return (
    <div className={classes.columns}>
      <Stack gap="md" miw={0}>
        <Card
          title={`${plural(candidates.length, "candidate")}, ${measured.length} measured on all of validation`}
          aside={
            <SegmentedControl
              size="xs"
              aria-label="How candidates are shown"
              value={view}
              onChange={setView}
              data={[
                { value: "tree", label: "Tree" },
                { value: "table", label: "Table" },
              ]}
            />
          }
        >
          <CandidateTable
            rows={rows}
            job={job}
            selected={selected}
            onSelect={select}
            sort={view === "table" ? sort : undefined}
            onSort={(key) => {
              setView("table");
              setSort((now) => ({ key, descending: now.key === key ? !now.descending : key !== "number" }));
            }}
          />
        </Card>
        {measured.length > 2 && (
          <Boundary>
            <ParetoChart candidates={measured} selected={selected} onSelect={select} />
          </Boundary>
        )}
      </Stack>
      {selected !== undefined && (
        <CandidatePanel key={selected} job={job} candidateId={selected} candidates={candidates} />
      )}
    </div>
  );
}
