import { diffLines, diffWordsWithSpace, type Change } from "diff";

export interface Piece {
  text: string;
  kind: "same" | "added" | "removed";
}

const LONGEST_BY_WORD = 40_000;
const LONGEST_MS = 400;

/** What changed between two texts: by word, and by line where that would take too long. */
export function diffTexts(before: string, after: string): Piece[] {
  if (before === after) return before ? [{ text: before, kind: "same" }] : [];
  const byWord =
    before.length + after.length <= LONGEST_BY_WORD
      ? diffWordsWithSpace(before, after, { timeout: LONGEST_MS })
      : undefined;
  const changes: Change[] | undefined = byWord ?? diffLines(before, after, { timeout: LONGEST_MS });
  if (!changes) {
    return [
      { text: before, kind: "removed" },
      { text: after, kind: "added" },
    ];
  }
  return changes.map(({ value, added, removed }) => ({
    text: value,
    kind: added ? "added" : removed ? "removed" : "same",
  }));
}

/** One side of it. */
export function sideOf(pieces: readonly Piece[], side: "before" | "after"): Piece[] {
  const other = side === "before" ? "added" : "removed";
  return pieces.filter((piece) => piece.kind !== other);
}
