import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type KeyboardEvent } from "react";
import type { Candidate, Job } from "../../shared/api/types";
import { formatScore, formatShort } from "../../shared/format/numbers";
import { CANDIDATE_WORDS, wordOf } from "../../shared/format/words";
import { visible } from "../../shared/format/visible";
import { Badge } from "../../shared/parts/Badge";
import classes from "./Candidates.module.css";
import type { Row, SortKey } from "./lineage";

const ROW_HEIGHT = 34;
const DEEPEST_INDENT = 8;
const STEPS: Partial<Record<string, number>> = {
  ArrowDown: 1,
  j: 1,
  ArrowUp: -1,
  k: -1,
  Home: -Infinity,
  End: Infinity,
};
const COLUMNS: readonly [SortKey, string][] = [
  ["number", "Candidate"],
  ["score", "Score"],
  ["tokens", "Tokens"],
  ["calls", "Calls"],
];

export interface CandidateTableProps {
  rows: readonly Row[];
  job: Job;
  selected: string | undefined;
  onSelect: (candidateId: string | undefined) => void;
  /** Undefined where the order is the tree's. */
  sort: { key: SortKey; descending: boolean } | undefined;
  onSort: (key: SortKey) => void;
}

/** Only the rows in view are drawn. Arrows, j, k, home and end move the selection. */
export function CandidateTable({ rows, job, selected, onSelect, sort, onSort }: CandidateTableProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  const position = rows.findIndex((row) => row.candidate.candidate_id === selected);
  useEffect(() => {
    if (position >= 0) virtual.scrollToIndex(position, { align: "auto" });
    // Only when another is selected; rows that come in do not move what is looked at.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected]);

  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = Math.min(rows.length - 1, Math.max(0, position + step));
    onSelect(rows[next]?.candidate.candidate_id);
  };
  const heading = ([key, name]: readonly [SortKey, string]) => (
    <button type="button" onClick={() => onSort(key)}>
      {name}
      {sort?.key === key && (sort.descending ? " ↓" : " ↑")}
    </button>
  );
  const [first, ...others] = COLUMNS;
  return (
    <div ref={scroll} className={classes.scroll}>
      <div className={`${classes.row} ${classes.head}`}>
        {first && heading(first)}
        {others.slice(0, 1).map((column) => (
          <span key={column[0]} className={classes.number}>
            {heading(column)}
          </span>
        ))}
        <span>Outcome</span>
        {others.slice(1).map((column) => (
          <span key={column[0]} className={classes.number}>
            {heading(column)}
          </span>
        ))}
      </div>
      <div
        role="listbox"
        aria-label="Candidates"
        tabIndex={0}
        aria-activedescendant={position >= 0 ? `candidate-${selected}` : undefined}
        onKeyDown={move}
        style={{ height: virtual.getTotalSize(), position: "relative" }}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const id = row.candidate.candidate_id;
          return (
            <div
              key={id}
              id={`candidate-${id}`}
              role="option"
              aria-selected={id === selected}
              className={classes.row}
              style={{
                position: "absolute",
                top: 0,
                left: 0,
                right: 0,
                transform: `translateY(${item.start}px)`,
              }}
              onClick={() => onSelect(id)}
            >
              <CandidateCells row={row} best={id !== undefined && id === job.best_candidate_id} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function CandidateCells({ row: { candidate, depth }, best }: { row: Row; best: boolean }) {
  const score = candidate.scores?.aggregate;
  return (
    <>
      <span className={classes.name} style={{ paddingLeft: Math.min(depth, DEEPEST_INDENT) * 14 }}>
        {depth > 0 && <span aria-hidden>└</span>}
        <b>{candidate.number ?? "–"}</b>
        {best && <Badge tone="good">best</Badge>}
        {candidate.on_pareto_front && !best && <Badge tone="live">front</Badge>}
        <span title={visible(candidate.origin ?? "")}>{visible(candidate.origin ?? "")}</span>
      </span>
      <span className={classes.score}>
        {formatScore(score)}
        {score !== undefined && (
          <div>
            <div style={{ width: `${score * 100}%` }} />
          </div>
        )}
      </span>
      <span>
        <Outcome candidate={candidate} />
      </span>
      <span className={classes.number}>{formatShort(candidate.objectives?.prompt_tokens)}</span>
      <span className={classes.number}>{formatShort(candidate.usage?.calls)}</span>
    </>
  );
}

export function Outcome({ candidate }: { candidate: Candidate }) {
  const { label, tone } = wordOf(CANDIDATE_WORDS, candidate.status);
  return <Badge tone={tone}>{candidate.status === "PROPOSED" ? "Measuring" : label}</Badge>;
}
