/** What the address of the list says. */
export interface JobsSearch {
  /** In the API's filter grammar. */
  filter?: string;
  sort?: string;
}

export function readJobsSearch(raw: Record<string, unknown>): JobsSearch {
  return { filter: text(raw.filter), sort: text(raw.sort) };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() ? value : undefined;
}
