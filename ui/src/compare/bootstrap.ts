/** The mean of paired differences with its interval. */
export interface PairedDifference {
  mean: number;
  low: number;
  high: number;
  pairs: number;
}

/** With fewer pairs, what they show is mostly luck, and no interval is drawn. */
export const FEWEST_PAIRS = 8;
const RESAMPLES = 4_000;

/**
 * 95 % interval of the mean difference by percentile bootstrap over the pairs. The same pairs give the same
 * interval. undefined where there are too few of them.
 */
export function pairedBootstrap(differences: readonly number[]): PairedDifference | undefined {
  const pairs = differences.length;
  if (pairs < FEWEST_PAIRS) return undefined;
  const random = seeded(pairs);
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let draw = 0; draw < pairs; draw++) sum += differences[Math.floor(random() * pairs)] ?? 0;
    return sum / pairs;
  }).sort();
  // Resamples of few pairs spread less than samples do, by this much.
  const wider = Math.sqrt(pairs / (pairs - 1));
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / pairs;
  const quantile = (share: number) => means[Math.round(share * (RESAMPLES - 1))] ?? mean;
  return {
    mean,
    low: mean + (quantile(0.025) - mean) * wider,
    high: mean + (quantile(0.975) - mean) * wider,
    pairs,
  };
}

/** mulberry32: small, and good enough to draw with. Numbers in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
