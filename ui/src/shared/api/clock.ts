/** The server's clock. Ours may be wrong, and then ages would be, too. */

const TOLERANCE_MS = 2_000; // the header has whole seconds, and an answer takes its time
let ahead = 0;

/** Learn from an answer's `Date` header. */
export function learnClock(date: string | null, now = Date.now()): void {
  const served = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(served)) return;
  const difference = served + 500 - now;
  if (Math.abs(difference - ahead) > TOLERANCE_MS)
    ahead = Math.abs(difference) > TOLERANCE_MS ? difference : 0;
}

export function serverNow(now = Date.now()): number {
  return now + ahead;
}
