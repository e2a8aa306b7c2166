import { decimalsFor, formatDifference } from "../format/numbers";
import type { Tone } from "../format/words";
import { intervalScale } from "./interval-scale";
import classes from "./IntervalBar.module.css";

export interface IntervalBarProps {
  low: number;
  high: number;
  /** The difference itself. */
  value: number;
  tone: Tone;
  /** With the numbers below it. */
  labeled?: boolean;
  /** Draw from minus this to plus this, as others beside it. Default: as the interval needs it. */
  extent?: number;
}

/** A difference and its interval, drawn against zero: what lies wholly on one side is no chance. */
export function IntervalBar({ low, high, value, tone, labeled = false, extent }: IntervalBarProps) {
  const position = intervalScale(extent === undefined ? low : -extent, extent ?? high);
  const decimals = decimalsFor(low, high);
  const show = (number: number) => formatDifference(number, decimals);
  const words = `Difference ${show(value)}, 95\u00a0% interval ${show(low)} to ${show(high)}`;
  const left = position(low);
  const width = position(high) - left;
  return (
    <div
      className={classes.frame}
      data-tone={tone}
      data-labeled={labeled}
      role="img"
      aria-label={words}
      title={words}
    >
      <div className={classes.track}>
        <div className={classes.zero} style={{ left: `${position(0)}%` }} />
        <div className={classes.range} style={{ left: `${left}%`, width: `${width}%` }} />
        <div className={classes.point} style={{ left: `${position(value)}%` }} />
      </div>
      {labeled && (
        <div className={classes.labels} aria-hidden>
          <span style={{ left: `${position(0)}%` }}>0</span>
          <span style={{ left: `${left}%` }} data-end="low">
            {show(low)}
          </span>
          <span style={{ left: `${position(high)}%` }} data-end="high">
            {show(high)}
          </span>
          <b style={{ left: `${position(value)}%` }}>{show(value)}</b>
        </div>
      )}
    </div>
  );
}
