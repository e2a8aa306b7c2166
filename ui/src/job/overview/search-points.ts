import type { Candidate } from "../../shared/api/types";
import type { JobHistory } from "../live/history";

/** A candidate at its place in the search. */
export interface Point {
  id: string;
  candidate: Candidate;
  calls: number;
  /** On validation; the parent's where the candidate is being measured. */
  score: number;
}

/** Candidates that are being made from one that is known, at its score. */
export interface Proposed {
  parent: Candidate;
  count: number;
  calls: number;
  score: number;
}

export interface Placed {
  /** Measured on the whole validation split, in their order. */
  measured: Point[];
  /** Given up after a few examples. */
  tried: Point[];
  /** Being measured now. */
  running: Point[];
  /** Being made now, without an id or a number yet. */
  proposed: Proposed[];
  /** From parent to child. */
  edges: [Point, Point][];
  /** The best so far, each time it changed. */
  best: Point[];
}

/** Where each candidate stands in the chart. */
export function placeCandidates(
  candidates: readonly Candidate[],
  { callsAt, inFlight }: Pick<JobHistory, "callsAt" | "inFlight">,
  calls: number,
  live: boolean,
): Placed {
  const points = candidates.map((candidate): Point => {
    const id = candidate.candidate_id ?? "";
    const at = candidate.status === "PROPOSED" && live ? calls : (callsAt.get(id) ?? 0);
    return { id, candidate, calls: at, score: candidate.scores?.aggregate ?? Number.NaN };
  });
  const byId = new Map(points.map((point) => [point.id, point]));
  const measured = points.filter((point) => !Number.isNaN(point.score)).sort((a, b) => a.calls - b.calls);
  const unscored = points.filter((point) => Number.isNaN(point.score));
  const running = live ? unscored.filter((point) => point.candidate.status === "PROPOSED") : [];
  for (const point of running) point.score = scoreOfParent(point, byId);
  return {
    measured,
    tried: unscored.filter((point) => !running.includes(point)),
    running: running.filter((point) => !Number.isNaN(point.score)),
    proposed: live ? placeProposed([...inFlight.values()], byId, calls) : [],
    edges: measured.flatMap((child) =>
      (child.candidate.parents ?? []).flatMap((id): [Point, Point][] => {
        const parent = byId.get(id);
        return parent && !Number.isNaN(parent.score) ? [[parent, child]] : [];
      }),
    ),
    best: bestLine(measured),
  };
}

function placeProposed(
  parents: readonly string[],
  byId: ReadonlyMap<string, Point>,
  calls: number,
): Proposed[] {
  return [...new Set(parents)].flatMap((id) => {
    const point = byId.get(id);
    if (!point || Number.isNaN(point.score)) return [];
    const count = parents.filter((each) => each === id).length;
    return [{ parent: point.candidate, count, calls, score: point.score }];
  });
}

function scoreOfParent(point: Point, byId: ReadonlyMap<string, Point>): number {
  const scores = (point.candidate.parents ?? []).flatMap(
    (id) => byId.get(id)?.candidate.scores?.aggregate ?? [],
  );
  return scores.length ? Math.max(...scores) : Number.NaN;
}

function bestLine(measured: readonly Point[]): Point[] {
  const line: Point[] = [];
  for (const point of measured) {
    const kept = point.candidate.status === "SOURCE" || point.candidate.status === "ACCEPTED";
    if (kept && point.score > (line.at(-1)?.score ?? Number.NEGATIVE_INFINITY)) line.push(point);
  }
  return line;
}
