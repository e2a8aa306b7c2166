export const TABS = ["overview", "candidates", "examples", "activity"] as const;
export type Tab = (typeof TABS)[number];

/** What the address of a job says besides its id. */
export interface JobPageSearch {
  tab?: Tab;
  /** The candidate that is shown. */
  candidate?: string;
  /** The example that is shown. */
  example?: string;
}

export function readJobSearch(raw: Record<string, unknown>): JobPageSearch {
  return {
    tab: TABS.find((tab) => tab === raw.tab),
    candidate: text(raw.candidate),
    example: text(raw.example),
  };
}

/** Ids of digits come as numbers. */
function text(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
