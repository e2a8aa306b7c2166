import { axisOption, commonOption, SERIES, type ChartColors } from "../../shared/charts/colors";
import { formatCount, formatScore, plural } from "../../shared/format/numbers";
import { CANDIDATE_WORDS, wordOf } from "../../shared/format/words";
import { visible } from "../../shared/format/visible";
import type { Placed, Point, Proposed } from "./search-points";

const GRID = { left: 44, right: 18, top: 30, bottom: 42 };

/** Every candidate as a dot, lineage as lines, the best so far as a step. */
export function searchOption(placed: Placed, calls: number) {
  return (colors: ChartColors) => ({
    ...commonOption(colors),
    grid: GRID,
    legend: { ...legend(colors), data: shownIn(placed) },
    xAxis: callsAxis(colors, calls),
    yAxis: scoreAxis(colors),
    series: [
      {
        name: "Lineage",
        type: "line",
        data: placed.edges.flatMap(([from, to]) => [
          [from.calls, from.score],
          [to.calls, to.score],
          [null, null],
        ]),
        symbol: "none",
        silent: true,
        lineStyle: { color: colors.muted, width: 1, opacity: 0.35 },
        itemStyle: { color: colors.muted },
        z: 1,
      },
      {
        name: "Best so far",
        type: "line",
        step: "end",
        symbol: "none",
        silent: true,
        data: stepTo(placed.best, calls),
        lineStyle: { color: colors.accent, width: 2 },
        itemStyle: { color: colors.accent },
        z: 2,
      },
      dots("Accepted", colors.good, placed.measured.filter(isKept), 10),
      dots(
        "Rejected",
        colors.muted,
        placed.measured.filter((point) => !isKept(point)),
        8,
      ),
      {
        ...dots("Given up early", colors.muted, placed.tried, 5),
        symbol: "rect",
        symbolSize: [3, 9],
        data: placed.tried.map((point) => datum(point, 0)),
        itemStyle: { color: colors.muted, opacity: 0.5 },
        cursor: "pointer",
      },
      {
        ...dots("Being tried", colors.live, placed.running, 10),
        data: [...placed.running.map((point) => datum(point, point.score)), ...placed.proposed.map(ring)],
        type: "effectScatter",
        symbol: "circle",
        itemStyle: { color: "transparent", borderColor: colors.live, borderWidth: 2 },
        rippleEffect: { scale: 2.2, brushType: "stroke", color: colors.live },
      },
    ],
  });
}

/** Names for the legend: of what there is. */
function shownIn(placed: Placed): string[] {
  const names = ["Best so far", "Accepted"];
  if (!placed.measured.every(isKept)) names.push("Rejected");
  if (placed.tried.length) names.push("Given up early");
  if (placed.running.length || placed.proposed.length) names.push("Being tried");
  return names;
}

/** What each scorer said of the best candidate so far. */
export function scorersOption(placed: Placed, calls: number) {
  const names = Object.keys(placed.measured[0]?.candidate.scores ?? {}).filter(
    (name) => name !== "aggregate",
  );
  return (colors: ChartColors) => ({
    ...commonOption(colors),
    grid: GRID,
    legend: legend(colors),
    xAxis: callsAxis(colors, calls),
    yAxis: scoreAxis(colors),
    series: [...names, "aggregate"].map((name, position) => {
      const color = name === "aggregate" ? colors.accent : (SERIES[position % SERIES.length] ?? colors.muted);
      const points = placed.best.map((point) => ({
        ...point,
        score: point.candidate.scores?.[name] ?? Number.NaN,
      }));
      return {
        name: name === "aggregate" ? "All together" : visible(name),
        type: "line",
        step: "end",
        symbolSize: 6,
        data: stepTo(points, calls),
        lineStyle: { color, width: name === "aggregate" ? 2.5 : 1.5 },
        itemStyle: { color },
      };
    }),
  });
}

function dots(name: string, color: string, points: readonly Point[], size: number) {
  return {
    name,
    type: "scatter",
    symbolSize: size,
    data: points.map((point) => datum(point, point.score)),
    itemStyle: { color },
    emphasis: { scale: 1.5 },
    z: 3,
    tooltip: { formatter: ({ data }: { data: { words: string } }) => data.words },
  };
}

/** The more of them, the larger. */
function ring({ parent, count, calls, score }: Proposed) {
  const words = `${plural(count, "new candidate")} of candidate ${parent.number ?? "–"}\nbeing written and tried`;
  return { value: [calls, score], symbolSize: 8 + 2 * count, words };
}

function datum(point: Point, y: number) {
  return { value: [point.calls, y], id: point.id, words: wordsOf(point) };
}

function wordsOf({ candidate, calls, score }: Point): string {
  const { label } = wordOf(CANDIDATE_WORDS, candidate.status);
  const value =
    candidate.scores?.aggregate === undefined ? "not measured on all of validation" : formatScore(score);
  const lines = [
    `Candidate ${candidate.number ?? "–"} · ${label}`,
    value,
    visible(candidate.origin ?? ""),
    visible(candidate.reason ?? "").slice(0, 120),
    `after ${plural(Math.round(calls), "call")}; ${formatCount(candidate.usage?.calls ?? 0)} of its own`,
  ];
  return lines.filter(Boolean).join("\n");
}

function isKept(point: Point): boolean {
  return point.candidate.status === "SOURCE" || point.candidate.status === "ACCEPTED";
}

function stepTo(points: readonly Point[], calls: number): [number, number][] {
  const line = points.map((point): [number, number] => [point.calls, point.score]);
  const end = points.at(-1);
  if (end && calls > end.calls) line.push([calls, end.score]);
  return line;
}

function legend(colors: ChartColors) {
  return {
    top: 0,
    left: 0,
    type: "scroll",
    pageIconColor: colors.muted,
    pageTextStyle: { color: colors.muted },
    icon: "circle",
    itemWidth: 8,
    itemHeight: 8,
    itemGap: 14,
    textStyle: { color: colors.muted, fontSize: 11 },
    inactiveColor: colors.line,
  };
}

function callsAxis(colors: ChartColors, calls: number) {
  return {
    type: "value",
    name: "model calls",
    nameLocation: "middle",
    nameGap: 26,
    min: 0,
    max: Math.max(10, calls),
    ...axisOption(colors),
    splitLine: { show: false },
    axisLabel: { color: colors.muted, fontSize: 11, hideOverlap: true, showMaxLabel: false },
  };
}

function scoreAxis(colors: ChartColors) {
  return {
    type: "value",
    min: 0,
    max: 1,
    ...axisOption(colors),
    axisLabel: { color: colors.muted, fontSize: 11, formatter: (value: number) => value.toFixed(1) },
  };
}
