import { UNKNOWN } from "./numbers";

/** 3.9 s, 2 min 5 s, 1 h 12 min, 2 d 3 h. */
export function formatDuration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds) || seconds < 0) return UNKNOWN;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor((seconds + 0.5) / 60);
  if (minutes < 10) return both(minutes, "min", Math.floor(seconds + 0.5) % 60, "s");
  if (minutes < 60) return `${Math.round(seconds / 60)} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return both(hours, "h", minutes % 60, "min");
  return both(Math.floor(hours / 24), "d", hours % 24, "h");
}

function both(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

const UNITS: readonly [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [7, "day"],
  [4.35, "week"],
  [12, "month"],
  [Infinity, "year"],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** "3 min. ago". What lies a little ahead is a clock's fault, and now. */
export function formatAgo(thenMs: number, nowMs: number): string {
  let amount = Math.min(0, (thenMs - nowMs) / 1000);
  if (amount > -5) return "just now";
  for (const [size, unit] of UNITS) {
    if (Math.abs(amount) < size - 0.5) return relative.format(Math.round(amount), unit);
    amount /= size;
  }
  return UNKNOWN;
}

const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** With the time zone. */
export function formatExact(ms: number): string {
  return exact.format(ms);
}

export function formatClock(ms: number): string {
  return clock.format(ms);
}
