/** From a difference to its place in percent: zero and the whole interval are in view, with air around. */
export function intervalScale(low: number, high: number): (value: number) => number {
  const from = Math.min(0, low);
  const to = Math.max(0, high);
  const air = (to - from || 1) * 0.12;
  const width = to - from + 2 * air;
  return (value) => Math.min(100, Math.max(0, ((value - from + air) / width) * 100));
}
