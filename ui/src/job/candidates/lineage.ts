import type { Candidate } from "../../shared/api/types";

/** A candidate in the tree of those it was made from. */
export interface Row {
  candidate: Candidate;
  depth: number;
}

/** Children below their first parent, in the order they were brought. Whose parent is unknown is a root. */
export function treeRows(candidates: readonly Candidate[]): Row[] {
  const known = new Set(candidates.map((candidate) => candidate.candidate_id));
  const children = new Map<string | undefined, Candidate[]>();
  for (const candidate of candidates) {
    const parent = candidate.parents?.find((id) => known.has(id) && id !== candidate.candidate_id);
    children.set(parent, [...(children.get(parent) ?? []), candidate]);
  }
  const rows: Row[] = [];
  const seen = new Set<string | undefined>();
  const stack = (children.get(undefined) ?? []).map((candidate) => ({ candidate, depth: 0 })).reverse();
  for (let row = stack.pop(); row; row = stack.pop()) {
    const id = row.candidate.candidate_id;
    if (seen.has(id)) continue;
    seen.add(id);
    rows.push(row);
    const below = children.get(id) ?? [];
    for (const candidate of below.toReversed()) stack.push({ candidate, depth: row.depth + 1 });
  }
  // A ring of parents cannot be drawn as a tree; what is in one is shown all the same.
  for (const candidate of candidates) {
    if (!seen.has(candidate.candidate_id)) rows.push({ candidate, depth: 0 });
  }
  return rows;
}

export type SortKey = "number" | "score" | "tokens" | "usd" | "calls";

const VALUES: Record<SortKey, (candidate: Candidate) => number | undefined> = {
  number: (candidate) => candidate.number,
  score: (candidate) => candidate.scores?.aggregate,
  tokens: (candidate) => candidate.objectives?.prompt_tokens,
  usd: (candidate) => candidate.objectives?.usd,
  calls: (candidate) => candidate.usage?.calls,
};

/** In a flat order; those without a value come last whichever way it goes. */
export function sortRows(candidates: readonly Candidate[], key: SortKey, descending: boolean): Row[] {
  const value = VALUES[key];
  const sign = descending ? -1 : 1;
  return candidates
    .map((candidate) => ({ candidate, depth: 0 }))
    .sort((a, b) => {
      const left = value(a.candidate);
      const right = value(b.candidate);
      if (left === undefined || right === undefined)
        return Number(left === undefined) - Number(right === undefined);
      return sign * (left - right);
    });
}
