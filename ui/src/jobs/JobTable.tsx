import { Checkbox } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Job } from "../shared/api/types";
import { promptOf } from "../shared/format/words";
import { COLUMNS, fittingColumns, type ColumnKey } from "./columns";
import { CELLS } from "./JobCells";
import classes from "./Jobs.module.css";
import type { Sort } from "./search";

const ROW_HEIGHT = 46;
const CARD_HEIGHT = 124;
const CARDS_BELOW_PX = 728;
const SMALLEST_EXTENT = 0.1;

export interface JobTableProps {
  jobs: readonly Job[];
  columns: readonly ColumnKey[];
  sort: Sort;
  onSort: (key: ColumnKey) => void;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  /** The last rows are in view. */
  onEnd: () => void;
}

/** Rows that exist only while they are in view. j and k move, enter opens, x selects. */
export function JobTable({ jobs, columns: wanted, sort, onSort, selected, onSelect, onEnd }: JobTableProps) {
  const { ref: frame, width } = useElementSize();
  const narrow = width > 0 && width < CARDS_BELOW_PX;
  const navigate = useNavigate();
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const rowHeight = narrow ? CARD_HEIGHT : ROW_HEIGHT;
  const virtual = useWindowVirtualizer({
    count: jobs.length,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollMargin: top,
    getItemKey: (index) => jobs[index]?.job_id ?? index,
  });
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  useEffect(() => virtual.measure(), [virtual, rowHeight]);
  useEffect(() => {
    const resizes = new ResizeObserver(() => setTop(body.current?.offsetTop ?? 0)); // what stands above may grow
    resizes.observe(document.body);
    return () => resizes.disconnect();
  }, []);
  useEffect(() => {
    if (jobs.length > 0 && lastShown >= jobs.length - 20) onEnd();
  }, [jobs.length, lastShown, onEnd]);

  const open = (job: Job | undefined) => {
    if (job?.job_id) void navigate({ to: "/jobs/$jobId", params: { jobId: job.job_id } });
  };
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    onSelect(next);
  };
  const onKey = (event: KeyboardEvent, index: number) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const job = jobs[index];
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      virtual.scrollToIndex(index + step, { align: "auto" });
      requestAnimationFrame(() =>
        body.current?.querySelector<HTMLElement>(`[data-index="${index + step}"]`)?.focus(),
      );
    } else if (event.key === "Enter") {
      open(job);
    } else if (event.key === "x" && job?.job_id) {
      toggle(job.job_id);
    }
  };
  const columns = narrow ? wanted : fittingColumns(wanted, width || Infinity);
  const extent = useMemo(() => extentOf(jobs), [jobs]);
  const grid = { gridTemplateColumns: `36px ${columns.map((key) => COLUMNS[key].width).join(" ")}` };
  const allSelected = jobs.length > 0 && jobs.every((job) => selected.has(job.job_id ?? ""));
  return (
    <div
      ref={frame}
      className={classes.table}
      data-cards={narrow}
      role="table"
      aria-label="Jobs"
      aria-rowcount={jobs.length}
    >
      <div className={classes.head} style={narrow ? undefined : grid} role="row">
        <span role="columnheader">
          <Checkbox
            size="xs"
            aria-label="Select all that are loaded"
            checked={allSelected}
            indeterminate={selected.size > 0 && !allSelected}
            onChange={() => onSelect(allSelected ? new Set() : new Set(jobs.map((job) => job.job_id ?? "")))}
          />
        </span>
        {columns.map((key) => (
          <Head key={key} column={key} sort={sort} onSort={onSort} />
        ))}
      </div>
      <div ref={body} role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {items.map((item) => {
          const job = jobs[item.index];
          if (!job) return null;
          const id = job.job_id ?? "";
          return (
            <div
              key={item.key}
              data-index={item.index}
              role="row"
              aria-selected={selected.has(id)}
              aria-rowindex={item.index + 1}
              tabIndex={item.index === 0 ? 0 : -1}
              className={classes.row}
              style={{
                ...(narrow ? {} : grid),
                height: rowHeight,
                transform: `translateY(${item.start - virtual.options.scrollMargin}px)`,
              }}
              onClick={() => open(job)}
              onKeyDown={(event) => onKey(event, item.index)}
            >
              <span role="cell" onClick={(event) => event.stopPropagation()}>
                <Checkbox
                  size="xs"
                  tabIndex={-1}
                  aria-label={`Select the job on ${promptOf(job.source_prompt_uri).name}`}
                  checked={selected.has(id)}
                  onChange={() => toggle(id)}
                />
              </span>
              {columns.map((key) => (
                <span key={key} role="cell" data-column={key}>
                  {CELLS[key](job, extent)}
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** The largest difference that an interval reaches: all rows are drawn on one scale. */
function extentOf(jobs: readonly Job[]): number {
  let extent = SMALLEST_EXTENT;
  for (const { test_scores: test } of jobs) {
    extent = Math.max(extent, Math.abs(test?.ci_low ?? 0), Math.abs(test?.ci_high ?? 0));
  }
  return extent;
}

function Head({ column, sort, onSort }: { column: ColumnKey; sort: Sort; onSort: (key: ColumnKey) => void }) {
  const { label, field } = COLUMNS[column];
  const sorted = sort.key === column;
  return (
    <span
      role="columnheader"
      data-column={column}
      aria-sort={sorted ? (sort.descending ? "descending" : "ascending") : undefined}
    >
      {field ? (
        <button type="button" onClick={() => onSort(column)}>
          {label}
          {sorted && (sort.descending ? " ↓" : " ↑")}
        </button>
      ) : (
        label
      )}
    </span>
  );
}
