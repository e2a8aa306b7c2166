import classes from "./Overview.module.css";

export interface MeterProps {
  name: string;
  spent: number;
  limit: number;
  words: string;
  live: boolean;
}

/** A bar that fills. */
export function Meter({ name, spent, limit, words, live }: MeterProps) {
  const share = limit > 0 ? Math.min(1, spent / limit) : 1;
  return (
    <div className={classes.meter}>
      <div>
        <span>{words}</span>
        <span>{name}</span>
      </div>
      <div
        className={classes.bar}
        data-live={live}
        role="progressbar"
        aria-label={name}
        aria-valuenow={Math.round(share * 100)}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={words}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}
