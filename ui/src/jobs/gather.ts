import type { Job, JobListEvent } from "../shared/api/types";

export interface Changes {
  changed: Map<string, Job>;
  deleted: Set<string>;
  created: boolean;
  /** What is known may be out of date. */
  reset: boolean;
}

/** What some events come to: the last word on each job counts. */
export function gather(events: readonly JobListEvent[]): Changes {
  const changes: Changes = { changed: new Map(), deleted: new Set(), created: false, reset: false };
  for (const { kind, job_id: id = "", job } of events) {
    if (kind === "RESET") changes.reset = true;
    if (kind === "CREATED") changes.created = true;
    if (kind === "DELETED") {
      changes.deleted.add(id);
      changes.changed.delete(id);
    } else if (job) {
      changes.changed.set(id, job);
      changes.deleted.delete(id);
    }
  }
  return changes;
}
