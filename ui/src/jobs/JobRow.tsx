import { memo, type CSSProperties } from "react";
import type { Job } from "../shared/api/types";
import { promptOf } from "../shared/format/words";
import type { ColumnKey } from "./columns";
import { CELLS } from "./JobCells";
import classes from "./Jobs.module.css";

export interface JobRowProps {
  job: Job;
  /** Its place among all rows. */
  index: number;
  columns: readonly ColumnKey[];
  /** The grid's tracks; none where rows are cards. */
  tracks: string | undefined;
  height: number;
  top: number;
  /** The scale of differences. */
  extent: number;
  selected: boolean;
  /** Whether the tab key stops here; it stops at one row. */
  reached: boolean;
}

/** Drawn again only where its own job changed. What is done with it, the table does. */
export const JobRow = memo(function JobRow({ job, index, columns, extent, selected, ...place }: JobRowProps) {
  const style: CSSProperties = { height: place.height, transform: `translateY(${place.top}px)` };
  if (place.tracks) style.gridTemplateColumns = place.tracks;
  return (
    <div
      data-index={index}
      role="row"
      aria-selected={selected}
      aria-rowindex={index + 2} // the head is the first
      tabIndex={place.reached ? 0 : -1}
      className={classes.row}
      style={style}
    >
      <span role="cell" data-select>
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Select the job on ${promptOf(job.source_prompt_uri).name}`}
          checked={selected}
          readOnly
        />
      </span>
      {columns.map((key) => (
        <span key={key} role="cell" data-column={key}>
          {CELLS[key](job, extent)}
        </span>
      ))}
    </div>
  );
});
