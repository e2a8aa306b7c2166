import type { Candidate } from "../../shared/api/types";
import type { components } from "../../shared/api/schema";

export type Answer = components["schemas"]["ListPromptOptimizationEvaluations.Response"];

export interface MatrixRow {
  candidateId: string;
  /** By example; undefined where it was not tried. */
  scores: (number | undefined)[];
  /** Examples without an output. */
  errors: ReadonlySet<number>;
}

/** Candidates × examples, whole. */
export interface Matrix {
  exampleIds: string[];
  rows: MatrixRow[];
}

export function readMatrix(answer: Answer): Matrix {
  const exampleIds = answer.example_ids ?? [];
  const rows = (answer.rows ?? []).map((row): MatrixRow => {
    const scores = new Array<number | undefined>(exampleIds.length).fill(undefined);
    (row.scores ?? []).forEach((score, position) => {
      scores[row.columns?.length ? (row.columns[position] ?? -1) : position] = score;
    });
    return { candidateId: row.candidate_id ?? "", scores, errors: new Set(row.errors ?? []) };
  });
  return { exampleIds, rows };
}

/** What became of an example between the source prompt and the best one. */
export type Fate = "fixed" | "broken" | "failing" | "right" | "other";

const RIGHT = 0.999;
const FAILED = 0.001;

/** For each example. Failing: nobody ever got anything for it. */
export function fatesOf(matrix: Matrix, sourceId: string | undefined, bestId: string | undefined): Fate[] {
  const source = matrix.rows.find((row) => row.candidateId === sourceId);
  const best = matrix.rows.find((row) => row.candidateId === bestId);
  return matrix.exampleIds.map((_, column) => {
    const before = source?.scores[column];
    const after = best?.scores[column];
    const all = matrix.rows.map((row) => row.scores[column]).filter((score) => score !== undefined);
    if (all.length > 0 && all.every((score) => score <= FAILED)) return "failing";
    if (all.length > 0 && all.every((score) => score >= RIGHT)) return "right";
    if (before === undefined || after === undefined) return "other";
    return after > before + FAILED ? "fixed" : after < before - FAILED ? "broken" : "other";
  });
}

export type Order = "given" | "hardest" | "fate";

const FATES: readonly Fate[] = ["broken", "fixed", "failing", "other", "right"];

/** Positions of examples in the order they are shown. */
export function orderColumns(matrix: Matrix, fates: readonly Fate[], order: Order): number[] {
  const columns = matrix.exampleIds.map((_, column) => column);
  const means = columns.map((column) => {
    const all = matrix.rows.map((row) => row.scores[column]).filter((score) => score !== undefined);
    return all.reduce((sum, score) => sum + score, 0) / (all.length || 1);
  });
  const byMean = (a: number, b: number) => (means[a] ?? 0) - (means[b] ?? 0);
  if (order === "hardest") return columns.sort(byMean);
  const rank = (column: number) => FATES.indexOf(fates[column] ?? "other");
  if (order === "fate") return columns.sort((a, b) => rank(a) - rank(b) || byMean(a, b));
  return columns;
}

/** How a candidate is called at its row. */
export function rowName(candidate: Candidate | undefined, bestId: string | undefined): string {
  if (!candidate) return "?";
  const number = String(candidate.number ?? "?");
  if (candidate.status === "SOURCE") return `${number} source`;
  return candidate.candidate_id === bestId ? `${number} best` : number;
}
