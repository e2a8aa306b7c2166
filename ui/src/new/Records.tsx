import { formatShare } from "../shared/format/numbers";
import { visible } from "../shared/format/visible";
import type { components } from "../shared/api/schema";
import classes from "./New.module.css";

type Column = components["schemas"]["DatasetColumn"];
type Record = components["schemas"]["DatasetRecord"];

const LONGEST = 160;

export interface RecordsProps {
  columns: readonly Column[];
  records: readonly Record[];
}

/** The first records as a table; what is an answer is told apart from what is given. */
export function Records({ columns, records }: RecordsProps) {
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="First records">
      <table className={classes.records}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={`${column.kind}.${column.name}`} data-kind={column.kind} scope="col">
                {visible(column.name ?? "")}
                <small>
                  {column.kind === "expectation" ? "expected, " : ""}
                  {column.type}
                  {isPartial(column, records.length) &&
                    `, in ${formatShare((column.filled ?? 0) / records.length)}`}
                </small>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {records.slice(0, 5).map((record, row) => (
            <tr key={row}>
              {columns.map((column) => (
                <td key={`${column.kind}.${column.name}`}>{cellOf(record, column)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function isPartial({ filled }: Column, count: number): boolean {
  return filled !== undefined && count > 0 && filled < count;
}

function cellOf(record: Record, { kind, name = "" }: Column): string {
  const side = kind === "expectation" ? record.expectations : record.inputs;
  const value = side?.[name];
  if (value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return visible(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}
