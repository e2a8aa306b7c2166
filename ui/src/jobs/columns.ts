export type ColumnKey =
  "status" | "prompt" | "optimizer" | "score" | "test" | "cost" | "duration" | "tags" | "dataset" | "age";

export interface Column {
  label: string;
  /** A track of the grid. */
  width: string;
  /** What the API orders by; none where it cannot. */
  field?: string;
}

/** In the order they stand. */
export const COLUMNS: Record<ColumnKey, Column> = {
  status: { label: "Status", width: "112px", field: "status" },
  prompt: { label: "Prompt", width: "minmax(150px, 1.4fr)", field: "source_prompt_uri" },
  optimizer: { label: "Optimizer", width: "104px", field: "optimizer_type" },
  score: { label: "Validation", width: "132px", field: "final_eval_scores.aggregate" },
  test: { label: "Sealed test", width: "minmax(170px, 250px)", field: "test_scores.difference" },
  cost: { label: "Cost", width: "92px", field: "usage.usd" },
  duration: { label: "Duration", width: "92px" },
  tags: { label: "Tags", width: "minmax(80px, 1fr)" },
  dataset: { label: "Dataset", width: "110px", field: "dataset_id" },
  age: { label: "Created", width: "104px", field: "creation_timestamp_ms" },
};

/** Those that go first where there is no room for all. */
const GIVEN_UP: readonly ColumnKey[] = ["dataset", "tags", "duration", "optimizer", "cost", "age"];
const GAP_PX = 14;
const EDGES_PX = 36 + 30;

/** Of these columns, those that fit into so many pixels. */
export function fittingColumns(columns: readonly ColumnKey[], widthPx: number): ColumnKey[] {
  const shown = [...columns];
  const width = () => shown.reduce((sum, key) => sum + GAP_PX + leastWidth(key), EDGES_PX);
  for (const key of GIVEN_UP) {
    if (width() <= widthPx) break;
    if (shown.includes(key)) shown.splice(shown.indexOf(key), 1);
  }
  return shown;
}

function leastWidth(key: ColumnKey): number {
  return Number(/\d+/.exec(COLUMNS[key].width)?.[0]);
}

export const ALWAYS_SHOWN: readonly ColumnKey[] = ["status", "prompt"];

export function shownColumns(hidden: readonly ColumnKey[] | undefined): ColumnKey[] {
  return (Object.keys(COLUMNS) as ColumnKey[]).filter(
    (key) => !hidden?.includes(key) || ALWAYS_SHOWN.includes(key),
  );
}
