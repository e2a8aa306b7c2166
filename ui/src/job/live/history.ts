import type { JobEvent } from "../../shared/api/types";

/** How far a search was at one moment. */
export interface ProgressPoint {
  calls: number;
  best: number | undefined;
  ms: number;
}

/** What a job's events say, kept small however long the job runs. Not changed: each batch makes another. */
export interface JobHistory {
  /** Sequence number of the last event. */
  last: number;
  /** The latest events in order; those of progress are not among them. */
  events: readonly JobEvent[];
  /** Events that are not kept any more. */
  dropped: number;
  /** Calls spent when each candidate was last heard of. */
  callsAt: ReadonlyMap<string, number>;
  /** Proposals that were launched and have not ended, by number: the candidate each is made from. */
  inFlight: ReadonlyMap<number, string>;
  /** The latest progress. */
  progress: ProgressPoint | undefined;
  phase: string | undefined;
}

export const KEPT_EVENTS = 5_000;

export const EMPTY_HISTORY: JobHistory = {
  last: 0,
  events: [],
  dropped: 0,
  callsAt: new Map(),
  inFlight: new Map(),
  progress: undefined,
  phase: undefined,
};

/** The history after some more events. Events that it knows already are passed over. */
export function extendHistory(history: JobHistory, batch: readonly JobEvent[]): JobHistory {
  const events = [...history.events];
  const callsAt = new Map(history.callsAt);
  const inFlight = new Map(history.inFlight);
  let { last, progress, phase } = history;
  let unplaced: string[] = [];
  for (const event of batch) {
    const sequence = event.sequence ?? 0;
    if (sequence <= last) continue;
    last = sequence;
    const data = event.data ?? {};
    if (event.kind === "PROGRESS") {
      const point = readPoint(data, event.timestamp_ms ?? 0);
      place(unplaced, progress?.calls ?? 0, point.calls, callsAt);
      unplaced = [];
      progress = point;
      continue;
    }
    events.push(event);
    if (event.kind === "PHASE") phase = String(data.phase);
    if (event.kind === "PROPOSAL") follow(data, inFlight);
    if (event.kind === "CANDIDATE" && typeof data.candidate_id === "string") unplaced.push(data.candidate_id);
  }
  const before = progress?.calls ?? 0;
  place(unplaced, before, before, callsAt);
  const surplus = Math.max(0, events.length - KEPT_EVENTS);
  return {
    last,
    events: surplus ? events.slice(surplus) : events,
    dropped: history.dropped + surplus,
    callsAt,
    inFlight,
    progress,
    phase,
  };
}

/** Candidates are told together with the next progress: they came about evenly between two of them. */
function place(ids: readonly string[], from: number, to: number, callsAt: Map<string, number>): void {
  ids.forEach((id, position) => {
    callsAt.set(id, from + ((position + 1) / ids.length) * (to - from));
  });
}

function follow({ number, parent, outcome }: Record<string, unknown>, inFlight: Map<number, string>): void {
  if (typeof number !== "number" || typeof parent !== "string") return;
  if (outcome === undefined) inFlight.set(number, parent);
  else inFlight.delete(number);
}

function readPoint(data: Record<string, unknown>, ms: number): ProgressPoint {
  return { calls: numberOf(data.completed) ?? 0, best: numberOf(data.best), ms };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
