/** Numbers as people read them. A minus is a minus, not a hyphen, so that columns align. */

const MINUS = "\u2212";
export const UNKNOWN = "–";

/** How many decimals an interval of this width supports: two digits of its half, and no more. */
export function decimalsFor(low: number, high: number): number {
  const half = Math.abs(high - low) / 2;
  if (!(half > 0)) return 2;
  return Math.min(4, Math.max(2, 1 - Math.floor(Math.log10(half) + 1e-9)));
}

export function formatScore(value: number | undefined, decimals = 2): string {
  if (value === undefined || !Number.isFinite(value)) return UNKNOWN;
  return value
    .toFixed(decimals)
    .replace(/^-(?=.*[1-9])/, MINUS)
    .replace(/^-/, "");
}

/** With its sign. */
export function formatDifference(value: number | undefined, decimals = 2): string {
  const text = formatScore(value, decimals);
  return value !== undefined && value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export function formatCount(value: number | undefined): string {
  return value === undefined ? UNKNOWN : counts.format(value);
}

/** 51,127 → 51.1K. */
export function formatShort(value: number | undefined): string {
  return value === undefined ? UNKNOWN : short.format(value);
}

/** Dollars; undefined is an unknown price, never zero. */
export function formatUsd(value: number | undefined | null): string {
  if (value === undefined || value === null) return "price unknown";
  if (value === 0) return "$0";
  if (value >= 1)
    return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return `$${value.toLocaleString("en", { maximumSignificantDigits: 2, maximumFractionDigits: 8 })}`;
}

export function formatShare(value: number): string {
  return `${Math.round(value * 100)} %`;
}

/** A probability: never quite sure. */
export function formatChance(value: number): string {
  if (value > 0.99) return "> 99 %";
  return value < 0.01 ? "< 1 %" : formatShare(value);
}

/** "1 call", "2 calls". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
