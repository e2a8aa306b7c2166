import { visible } from "../format/visible";
import classes from "./PromptDiff.module.css";
import type { Piece } from "./words";

const SHOWN_AT_MOST = 60_000;

/** A text with what was added and removed marked: by color, by line, and for screen readers by element. */
export function Pieces({ pieces }: { pieces: readonly Piece[] }) {
  let left = SHOWN_AT_MOST;
  const shown = [];
  for (const [position, piece] of pieces.entries()) {
    if (left <= 0) break;
    const text = visible(piece.text.slice(0, left));
    left -= piece.text.length;
    shown.push(
      piece.kind === "added" ? (
        <ins key={position} className={classes.added}>
          {text}
        </ins>
      ) : piece.kind === "removed" ? (
        <del key={position} className={classes.removed}>
          {text}
        </del>
      ) : (
        <span key={position}>{text}</span>
      ),
    );
  }
  return (
    <>
      {shown}
      {left <= 0 && <span className={classes.absent}> … (cut; the whole text is in the Candidates tab)</span>}
    </>
  );
}
