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

export const ALWAYS_SHOWN: readonly ColumnKey[] = ["status", "prompt"];

export function shownColumns(hidden: readonly ColumnKey[] | undefined): ColumnKey[] {
  return (Object.keys(COLUMNS) as ColumnKey[]).filter(
    (key) => !hidden?.includes(key) || ALWAYS_SHOWN.includes(key),
  );
}
