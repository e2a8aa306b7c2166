import { Checkbox } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  useCallback,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
} from "react";
import type { Job } from "../shared/api/types";
import { isForPage } from "../shared/keyboard/keys";
import { COLUMNS, fittingColumns, type ColumnKey } from "./columns";
import { JobRow } from "./JobRow";
import classes from "./Jobs.module.css";
import type { Sort } from "./search";
import { useWidth } from "./use-width";

const ROW_HEIGHT = 46;
const CARD_HEIGHT = 124;
const CARDS_BELOW_PX = 728;
const SMALLEST_EXTENT = 0.1;
const STEPS: Partial<Record<string, number>> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

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
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const narrow = width > 0 && width < CARDS_BELOW_PX;
  const navigate = useNavigate();
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const rowHeight = narrow ? CARD_HEIGHT : ROW_HEIGHT;
  // Functions of their own at each drawing would make it measure every row again.
  const estimateSize = useCallback(() => rowHeight, [rowHeight]);
  const getItemKey = useCallback((index: number) => jobs[index]?.job_id ?? index, [jobs]);
  const virtual = useWindowVirtualizer({
    count: jobs.length,
    estimateSize,
    overscan: 8,
    scrollMargin: top,
    getItemKey,
  });
  const items = virtual.getVirtualItems();
  const [last, setLast] = useState(0); // the row that had the focus
  const reached = items.some(({ index }) => index === last) ? last : (items[0]?.index ?? 0);
  const lastShown = items.at(-1)?.index ?? 0;
  useLayoutEffect(() => virtual.measure(), [virtual, rowHeight]);
  useLayoutEffect(() => {
    const measure = () => setTop(body.current?.offsetTop ?? 0);
    measure();
    const resizes = new ResizeObserver(measure); // what stands above may grow
    resizes.observe(document.body);
    return () => resizes.disconnect();
  }, []);
  useEffect(() => {
    if (jobs.length > 0 && lastShown >= jobs.length - 20) onEnd();
  }, [jobs.length, lastShown, onEnd]);

  const open = (job: Job | undefined) => {
    if (job?.job_id) void navigate({ to: "/jobs/$jobId", params: { jobId: job.job_id } });
  };
  const toggle = (job: Job | undefined) => {
    if (!job?.job_id) return;
    const next = new Set(selected);
    if (!next.delete(job.job_id)) next.add(job.job_id);
    onSelect(next);
  };
  const goTo = (index: number) => {
    const to = Math.min(jobs.length - 1, Math.max(0, index));
    virtual.scrollToIndex(to, { align: "auto" });
    const row = () => body.current?.querySelector<HTMLElement>(`[data-index="${to}"]`);
    const drawn = row();
    if (drawn)
      drawn.focus(); // at once: the next key goes on from there
    else requestAnimationFrame(() => row()?.focus());
  };
  const onClick = (event: MouseEvent) => {
    const target = event.target as HTMLElement;
    const index = indexOf(target);
    if (index === undefined) return;
    if (!target.closest("[data-select]")) open(jobs[index]);
    else if (target instanceof HTMLInputElement) toggle(jobs[index]);
  };
  const onKey = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const index = indexOf(target);
    if (event.ctrlKey || event.metaKey || event.altKey || index === undefined) return;
    const step = STEPS[event.key];
    if (step !== undefined) {
      event.preventDefault();
      goTo(index + step);
    } else if (target.role !== "row") {
      return; // a link or a box has its own keys
    } else if (event.key === "Enter") {
      open(jobs[index]);
    } else if (event.key === "x") {
      toggle(jobs[index]);
    }
  };
  const begin = useEffectEvent((event: globalThis.KeyboardEvent) => {
    if (document.activeElement !== document.body || !isForPage(event) || STEPS[event.key] === undefined)
      return;
    event.preventDefault();
    goTo(Math.max(0, reached));
  });
  useEffect(() => {
    addEventListener("keydown", begin);
    return () => removeEventListener("keydown", begin);
  }, []);
  const columns = useMemo(
    () => (narrow ? wanted : fittingColumns(wanted, width || Infinity)),
    [narrow, wanted, width],
  );
  const extent = useMemo(() => extentOf(jobs), [jobs]);
  const tracks = narrow ? undefined : `36px ${columns.map((key) => COLUMNS[key].width).join(" ")}`;
  const allSelected = jobs.length > 0 && jobs.every((job) => selected.has(job.job_id ?? ""));
  return (
    <div
      ref={frame}
      className={classes.table}
      data-cards={narrow}
      role="table"
      aria-label="Jobs"
      aria-rowcount={jobs.length + 1}
    >
      <div className={classes.head} style={tracks ? { gridTemplateColumns: tracks } : undefined} role="row">
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
      <div
        ref={body}
        role="rowgroup"
        style={{ height: virtual.getTotalSize(), position: "relative" }}
        onClick={onClick}
        onKeyDown={onKey}
        onFocus={(event) => setLast(indexOf(event.target) ?? last)}
      >
        {items.map(({ key, index, start }) => {
          const job = jobs[index];
          if (!job) return null;
          return (
            <JobRow
              key={key}
              job={job}
              index={index}
              columns={columns}
              tracks={tracks}
              height={rowHeight}
              top={start - virtual.options.scrollMargin}
              extent={extent}
              selected={selected.has(job.job_id ?? "")}
              reached={index === reached}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Of the row that an element stands in. */
function indexOf(element: HTMLElement): number | undefined {
  const index = element.closest<HTMLElement>("[data-index]")?.dataset.index;
  return index === undefined ? undefined : Number(index);
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
