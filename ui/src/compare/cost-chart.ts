import { axisOption, commonOption, SERIES, type ChartColors } from "../shared/charts/colors";
import { formatScore, formatShort, formatUsd, plural } from "../shared/format/numbers";
import type { Job } from "../shared/api/types";
import { nameOf } from "./names";

export type Scale = "test" | "validation";

export interface CostPoint {
  name: string;
  /** Dollars; undefined while a price is unknown. */
  usd: number | undefined;
  calls: number;
  before: number;
  after: number;
}

/** Jobs that have both scores. */
export function costPoints(jobs: readonly Job[], scale: Scale): CostPoint[] {
  return jobs.flatMap((job) => {
    const before = scale === "test" ? job.test_scores?.initial : job.initial_eval_scores?.aggregate;
    const after = scale === "test" ? job.test_scores?.final : job.final_eval_scores?.aggregate;
    if (before === undefined || after === undefined) return [];
    return [{ name: nameOf(job), usd: job.usage?.usd, calls: job.usage?.calls ?? 0, before, after }];
  });
}

/** Dollars only where they are known of all: a job of unknown price is not free. */
export function inDollars(points: readonly CostPoint[]): boolean {
  return points.every(({ usd }) => usd !== undefined) && points.some(({ usd }) => (usd ?? 0) > 0);
}

/** For each job a line from its source, before anything was spent, to its winner. */
export function costOption(points: readonly CostPoint[]) {
  const dollars = inDollars(points);
  return (colors: ChartColors) => ({
    ...commonOption(colors),
    grid: { left: 48, right: 24, top: 12, bottom: 28 + 20 * points.length + 30 },
    legend: {
      bottom: 0,
      left: 0,
      orient: "vertical",
      icon: "circle",
      itemWidth: 8,
      itemHeight: 8,
      textStyle: { color: colors.muted, fontSize: 11 },
    },
    xAxis: {
      type: "value",
      name: dollars ? "US dollars spent by the search" : "model calls spent by the search",
      nameLocation: "middle",
      nameGap: 26,
      min: 0,
      ...axisOption(colors),
      splitLine: { show: false },
      axisLabel: {
        color: colors.muted,
        fontSize: 11,
        hideOverlap: true,
        formatter: (value: number) => (dollars ? formatUsd(value) : formatShort(value)),
      },
    },
    yAxis: { type: "value", min: 0, max: 1, ...axisOption(colors) },
    series: points.map((point, position) => {
      const color = SERIES[position % SERIES.length] ?? colors.muted;
      return {
        name: point.name,
        type: "line",
        data: [
          {
            value: [0, point.before],
            symbolSize: 6,
            words: `${point.name}\nsource: ${formatScore(point.before)}`,
          },
          { value: [dollars ? point.usd : point.calls, point.after], symbolSize: 12, words: wordsOf(point) },
        ],
        symbol: "circle",
        showSymbol: true,
        lineStyle: { color, width: 1.5, type: "dashed", opacity: 0.7 },
        itemStyle: { color },
        tooltip: { formatter: ({ data }: { data: { words: string } }) => data.words },
      };
    }),
    tooltip: { ...commonOption(colors).tooltip, trigger: "item" },
  });
}

function wordsOf({ name, after, calls, usd }: CostPoint): string {
  return `${name}\nwinner: ${formatScore(after)}\n${plural(calls, "call")}, ${formatUsd(usd)}`;
}
