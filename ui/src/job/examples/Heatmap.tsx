import { useComputedColorScheme } from "@mantine/core";
import { useCallback, useMemo } from "react";
import { Chart } from "../../shared/charts/Chart";
import type { Candidate } from "../../shared/api/types";
import { axisOption, commonOption, type ChartColors } from "../../shared/charts/colors";
import { formatScore, plural } from "../../shared/format/numbers";
import classes from "./Examples.module.css";
import { rowName, type Matrix } from "./matrix";

const MOST_ROWS_IN_VIEW = 60;
const LOW_TO_HIGH = {
  light: ["#c9603c", "#f0d9b8", "#1f8577"],
  dark: ["#c4623f", "#4a4238", "#3fae9f"],
} as const;

export interface HeatmapProps {
  matrix: Matrix;
  /** Positions of the examples that are shown, in their order. */
  columns: readonly number[];
  candidates: readonly Candidate[];
  bestId: string | undefined;
  selected: { candidate: string | undefined; example: string | undefined };
  onSelect: (candidateId: string, exampleId: string) => void;
}

/** Scores as colors, candidates from top to bottom. */
export function Heatmap({ matrix, columns, candidates, bestId, selected, onSelect }: HeatmapProps) {
  const scale = LOW_TO_HIGH[useComputedColorScheme("light")];
  const names = useMemo(() => {
    const byId = new Map(candidates.map((candidate) => [candidate.candidate_id, candidate]));
    return matrix.rows.map((row) => rowName(byId.get(row.candidateId), bestId));
  }, [matrix, candidates, bestId]);
  const option = useMemo(
    () => heatmapOption({ matrix, columns, names, scale, selected }),
    [matrix, columns, names, scale, selected],
  );
  const open = useCallback(
    ({ data }: { data: unknown }) => {
      const [x, y] = placeOf(data);
      const row = matrix.rows[y];
      const example = matrix.exampleIds[columns[x] ?? -1];
      if (row && example !== undefined) onSelect(row.candidateId, example);
    },
    [matrix, columns, onSelect],
  );
  const inView = Math.min(matrix.rows.length, MOST_ROWS_IN_VIEW);
  const height = Math.min(560, Math.max(120, inView * 20 + 46));
  return (
    <>
      <Chart
        option={option}
        height={height}
        onClick={open}
        label={`Scores of ${plural(matrix.rows.length, "candidate")} on ${plural(columns.length, "example")}`}
      />
      <div className={classes.legend} aria-hidden>
        0
        <span
          className={classes.scale}
          style={{ background: `linear-gradient(90deg, ${scale.join(", ")})` }}
        />
        1 · empty: not tried · dark: no output
      </div>
    </>
  );
}

interface Drawn {
  matrix: Matrix;
  columns: readonly number[];
  names: readonly string[];
  scale: readonly string[];
  selected: HeatmapProps["selected"];
}

function heatmapOption({ matrix, columns, names, scale, selected }: Drawn) {
  const many = matrix.rows.length > MOST_ROWS_IN_VIEW;
  return (colors: ChartColors) => ({
    ...commonOption(colors),
    animation: false,
    grid: { left: 72, right: many ? 40 : 8, top: 4, bottom: 30 },
    xAxis: {
      type: "category",
      data: columns.map((column) => matrix.exampleIds[column] ?? ""),
      name: "examples",
      nameLocation: "middle",
      nameGap: 12,
      ...axisOption(colors),
      axisLabel: { show: false },
      axisLine: { show: false },
    },
    yAxis: {
      type: "category",
      data: names,
      inverse: true,
      ...axisOption(colors),
      axisLine: { show: false },
      axisLabel: { color: colors.muted, fontSize: 11 },
    },
    visualMap: {
      show: false,
      type: "continuous",
      min: 0,
      max: 1,
      dimension: 2,
      inRange: { color: [...scale] },
    },
    dataZoom: many
      ? [
          {
            type: "slider",
            yAxisIndex: 0,
            startValue: 0,
            endValue: MOST_ROWS_IN_VIEW - 1,
            width: 14,
            right: 4,
            brushSelect: false,
          },
        ]
      : [],
    series: [
      {
        type: "heatmap",
        data: cells({ matrix, columns, names, selected }, colors),
        itemStyle: { borderColor: colors.card, borderWidth: columns.length > 150 ? 0 : 1 },
        emphasis: { itemStyle: { borderColor: colors.ink, borderWidth: 1.5 } },
        progressive: 4000,
        tooltip: { formatter: ({ data }: { data: Cell }) => wordsOf(data, { matrix, columns, names }) },
      },
    ],
  });
}

/** Where it stands, and the score. Only cells that look different are objects: there may be 100,000. */
type Place = [x: number, y: number, score: number];
type Cell = Place | { value: Place; itemStyle: object };

function placeOf(cell: unknown): Place {
  return Array.isArray(cell) ? (cell as Place) : (cell as { value: Place }).value;
}

function cells({ matrix, columns, selected }: Omit<Drawn, "scale">, colors: ChartColors): Cell[] {
  const found: Cell[] = [];
  const onTop: Cell[] = []; // else its neighbours would cover half of its border
  matrix.rows.forEach((row, y) => {
    const chosenRow = row.candidateId === selected.candidate;
    columns.forEach((column, x) => {
      const score = row.scores[column];
      if (score === undefined) return;
      const value: Place = [x, y, score];
      const failed = row.errors.has(column);
      const chosen = chosenRow && matrix.exampleIds[column] === selected.example;
      if (!failed && !chosen) {
        found.push(value);
        return;
      }
      const color = failed ? { color: colors.ink } : {};
      (chosen ? onTop : found).push({
        value,
        itemStyle: chosen ? { ...color, borderColor: colors.ink, borderWidth: 2 } : color,
      });
    });
  });
  return [...found, ...onTop];
}

function wordsOf(
  cell: Cell,
  { matrix, columns, names }: Pick<Drawn, "matrix" | "columns" | "names">,
): string {
  const [x, y, score] = placeOf(cell);
  const column = columns[x] ?? -1;
  const what = matrix.rows[y]?.errors.has(column) ? "no output" : formatScore(score);
  return `Candidate ${names[y] ?? "?"}\nexample ${matrix.exampleIds[column] ?? "?"}\n${what}`;
}
