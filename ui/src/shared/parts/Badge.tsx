import type { ReactNode } from "react";
import type { JobStatus, Verdict } from "../api/types";
import { STATUS_WORDS, VERDICT_WORDS, wordOf, type Tone } from "../format/words";
import classes from "./Badge.module.css";

/** A word with the color of its meaning. `live` makes its dot breathe. */
export function Badge({ tone, live, children }: { tone: Tone; live?: boolean; children: ReactNode }) {
  return (
    <span className={classes.badge} data-tone={tone}>
      {live && <span className={classes.dot} aria-hidden />}
      {children}
    </span>
  );
}

export function StatusBadge({ status }: { status: JobStatus | undefined }) {
  const { label, tone } = wordOf(STATUS_WORDS, status);
  return (
    <Badge tone={tone} live={status === "JOB_STATUS_IN_PROGRESS"}>
      {label}
    </Badge>
  );
}

/** `short` is for narrow places. */
export function VerdictBadge({ verdict, short = false }: { verdict: Verdict | undefined; short?: boolean }) {
  if (!verdict) return null;
  const { label, tone } = wordOf(VERDICT_WORDS, verdict);
  return <Badge tone={tone}>{short && verdict === "NO_DIFFERENCE" ? "Unclear" : label}</Badge>;
}
