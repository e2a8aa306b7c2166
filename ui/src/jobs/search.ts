import type { JobStatus, OptimizerType, Verdict } from "../shared/api/types";
import { KIND_WORDS, OPTIMIZER_NAMES, STATUS_WORDS, VERDICT_WORDS, type Kind } from "../shared/format/words";
import { COLUMNS, type ColumnKey } from "./columns";

export interface Sort {
  key: ColumnKey;
  descending: boolean;
}

/** What the address of the list says. */
export interface JobsSearch {
  /** In the API's filter grammar, or words of a prompt's name. */
  filter?: string;
  status?: JobStatus[];
  verdict?: Verdict[];
  optimizer?: OptimizerType[];
  kind?: Kind[];
  /** A column, with a minus where it goes down. Default: newest first. */
  sort?: string;
  /** Columns that are not shown. */
  hide?: ColumnKey[];
}

export function readJobsSearch(raw: Record<string, unknown>): JobsSearch {
  return {
    filter: text(raw.filter),
    status: among(raw.status, Object.keys(STATUS_WORDS) as JobStatus[]),
    verdict: among(raw.verdict, Object.keys(VERDICT_WORDS) as Verdict[]),
    optimizer: among(raw.optimizer, Object.keys(OPTIMIZER_NAMES) as OptimizerType[]),
    kind: among(raw.kind, Object.keys(KIND_WORDS) as Kind[]),
    sort: text(raw.sort),
    hide: among(raw.hide, Object.keys(COLUMNS) as ColumnKey[]),
  };
}

export function sortOf(search: JobsSearch): Sort {
  const descending = search.sort?.startsWith("-") ?? true;
  const key = search.sort?.replace(/^-/, "") as ColumnKey | undefined;
  const field = (COLUMNS as Partial<typeof COLUMNS>)[key ?? "tags"]?.field;
  return key && field ? { key, descending } : { key: "age", descending: true };
}

/** The order as the API reads it; undefined is newest first. */
export function orderByOf(search: JobsSearch): string | undefined {
  const { key, descending } = sortOf(search);
  if (key === "age" && descending) return undefined;
  return `${COLUMNS[key].field ?? ""} ${descending ? "DESC" : "ASC"}`;
}

/** The next order when a column's head is clicked: down, up, and back to newest first. */
export function nextSort(search: JobsSearch, key: ColumnKey): string | undefined {
  if (search.sort === `-${key}`) return key;
  if (search.sort === key) return undefined;
  return `-${key}`;
}

/** The filter as the API reads it, and how far the typed text stands from its beginning. */
export function filterOf(search: JobsSearch): { filter: string | undefined; offset: number } {
  const facets = [
    oneOf("status", search.status, "JOB_STATUS_"),
    oneOf("verdict", search.verdict, ""),
    oneOf("optimizer_type", search.optimizer, "OPTIMIZER_TYPE_"),
    oneOf("kind", search.kind, ""),
  ].filter((part) => part !== undefined);
  const typed = search.filter?.trim();
  if (!typed) return { filter: facets.join(" AND ") || undefined, offset: 0 };
  const asked = isName(typed) ? `source_prompt_uri ILIKE ${quoted(`%${typed}%`)}` : (search.filter ?? "");
  if (facets.length === 0) return { filter: asked, offset: 0 };
  return { filter: `(${asked}) AND ${facets.join(" AND ")}`, offset: 1 };
}

/** Words alone look for a prompt of that name. */
export function isName(typed: string): boolean {
  return /^[\p{L}\p{N}_. /-]+$/u.test(typed) && !/\b(and|or|not|in|like|ilike)\b/i.test(typed);
}

/** Whether anything narrows the list. */
export function isNarrowed(search: JobsSearch): boolean {
  return filterOf(search).filter !== undefined;
}

function oneOf(field: string, values: readonly string[] | undefined, prefix: string): string | undefined {
  if (!values?.length) return undefined;
  return `${field} IN (${values.map((value) => quoted(value.replace(prefix, ""))).join(", ")})`;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() ? value : undefined;
}

function among<T extends string>(value: unknown, known: readonly T[]): T[] | undefined {
  const found = Array.isArray(value) ? known.filter((each) => value.includes(each)) : [];
  return found.length ? found : undefined;
}
