import { SegmentedControl } from "@mantine/core";
import { useCallback, useMemo, useState } from "react";
import { Chart } from "../../shared/charts/Chart";
import type { Candidate } from "../../shared/api/types";
import { axisOption, commonOption, type ChartColors } from "../../shared/charts/colors";
import { formatScore, formatShort, formatUsd } from "../../shared/format/numbers";
import { Card } from "../../shared/parts/Card";

const NAMES = { prompt_tokens: "Prompt tokens", usd: "Dollars for one answer" } as const;
type Price = keyof typeof NAMES;

export interface ParetoChartProps {
  candidates: readonly Candidate[];
  selected: string | undefined;
  onSelect: (candidateId: string) => void;
}

/** Score against what an answer takes. Nothing is better than the front in both. */
export function ParetoChart({ candidates, selected, onSelect }: ParetoChartProps) {
  const [price, setPrice] = useState<Price>("prompt_tokens");
  const priced = candidates.some((candidate) => candidate.objectives?.usd !== undefined);
  const option = useMemo(() => paretoOption(candidates, price, selected), [candidates, price, selected]);
  const open = useCallback(
    ({ data }: { data: unknown }) => {
      const id = (data as { id?: string } | null)?.id;
      if (id) onSelect(id);
    },
    [onSelect],
  );
  return (
    <Card
      title="What a better score takes"
      aside={
        priced && (
          <SegmentedControl
            size="xs"
            aria-label="What the score is set against"
            value={price}
            onChange={setPrice}
            data={Object.entries(NAMES).map(([value, label]) => ({ value: value as Price, label }))}
          />
        )
      }
    >
      <Chart
        option={option}
        height={240}
        onClick={open}
        label={`Validation score against ${NAMES[price]}, the Pareto front marked`}
      />
    </Card>
  );
}

function paretoOption(candidates: readonly Candidate[], price: Price, selected: string | undefined) {
  const format = price === "usd" ? formatUsd : formatShort;
  const points = candidates
    .filter((candidate) => candidate.objectives?.[price] !== undefined)
    .map((candidate) => ({
      id: candidate.candidate_id,
      value: [candidate.objectives?.[price] ?? 0, candidate.scores?.aggregate ?? 0],
      front: candidate.on_pareto_front === true,
      words: `Candidate ${candidate.number ?? "–"}\n${formatScore(candidate.scores?.aggregate)} at ${format(candidate.objectives?.[price])}`,
      symbolSize: candidate.candidate_id === selected ? 15 : 9,
    }));
  const front = points.filter((point) => point.front).sort((a, b) => (a.value[0] ?? 0) - (b.value[0] ?? 0));
  return (colors: ChartColors) => ({
    ...commonOption(colors),
    grid: { left: 44, right: 18, top: 12, bottom: 40 },
    xAxis: {
      type: "value",
      scale: true,
      name: NAMES[price],
      nameLocation: "middle",
      nameGap: 26,
      ...axisOption(colors),
      splitLine: { show: false },
      axisLabel: { color: colors.muted, fontSize: 11, hideOverlap: true, formatter: format },
    },
    yAxis: { type: "value", min: 0, max: 1, ...axisOption(colors) },
    series: [
      {
        name: "Pareto front",
        type: "line",
        step: "end",
        symbol: "none",
        silent: true,
        data: front.map((point) => point.value),
        lineStyle: { color: colors.live, width: 1.5, type: "dashed" },
      },
      {
        name: "Candidates",
        type: "scatter",
        data: points.map(({ front: onFront, ...point }) => ({
          ...point,
          itemStyle: { color: onFront ? colors.live : colors.muted, opacity: onFront ? 1 : 0.6 },
        })),
        tooltip: { formatter: ({ data }: { data: { words: string } }) => data.words },
      },
    ],
  });
}
