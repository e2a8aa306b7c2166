/** What the address of the form says. */
export interface NewSearch {
  /** Id of the job to take everything from. */
  from?: string;
}

export function readNewSearch(raw: Record<string, unknown>): NewSearch {
  return { from: typeof raw.from === "string" ? raw.from : undefined };
}
