import { SegmentedControl, Text } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { Chart } from "../../shared/charts/Chart";
import { isFinal } from "../../shared/format/words";
import { Card } from "../../shared/parts/Card";
import type { OverviewProps } from "./Overview";
import { scorersOption, searchOption } from "./search-chart";
import { placeCandidates } from "./search-points";

const route = getRouteApi("/jobs/$jobId");
const HEIGHT = 340;

/** Score over calls spent, every candidate a dot. A click on one shows it. */
export function SearchChart({ job, history, candidates }: OverviewProps) {
  const navigate = route.useNavigate();
  const [view, setView] = useState("candidates");
  const running = !isFinal(job.state?.status);
  const { callsAt, inFlight } = history;
  const calls = history.progress?.calls ?? job.usage?.calls ?? 0;
  const placed = useMemo(
    () => placeCandidates(candidates ?? [], { callsAt, inFlight }, calls, running),
    [candidates, callsAt, inFlight, calls, running],
  );
  const option = useMemo(
    () => (view === "candidates" ? searchOption(placed, calls) : scorersOption(placed, calls)),
    [placed, calls, view],
  );
  const open = useCallback(
    (event: { data: unknown }) => {
      const id = (event.data as { id?: string } | null)?.id;
      if (id) void navigate({ search: (now) => ({ ...now, tab: "candidates" as const, candidate: id }) });
    },
    [navigate],
  );
  const severalScorers = (job.config?.scorers?.length ?? 0) > 1;
  return (
    <Card
      title="The search"
      aside={
        severalScorers && (
          <SegmentedControl
            size="xs"
            aria-label="What the chart shows"
            value={view}
            onChange={setView}
            data={[
              { value: "candidates", label: "Candidates" },
              { value: "scorers", label: "By scorer" },
            ]}
          />
        )
      }
    >
      {placed.measured.length === 0 ? (
        <Text size="sm" c="dimmed" h={HEIGHT} pt={HEIGHT / 2 - 20} ta="center">
          {running ? "The first dot appears when the source prompt has been scored." : "Nothing was scored."}
        </Text>
      ) : (
        <Chart
          option={option}
          height={HEIGHT}
          onClick={open}
          label={`Validation score of ${placed.measured.length} candidates over ${calls} calls; the Candidates tab has them as a table`}
        />
      )}
    </Card>
  );
}
