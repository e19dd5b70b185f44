import type { Counts } from '#libs/contracts';

/** Each bin ends 2^(1/8) times as far from zero as it begins: 9 % wide. */
const BINS_PER_DOUBLING = 8;
/** What is smaller counts as this. */
const SMALLEST = 1e-3;

/**
 * The bin of a value above zero, such as a duration in ms: bins are the same everywhere, so that histograms of
 * several processes add up.
 */
export function logBin(value: number): number {
  return Math.ceil(Math.log2(Math.max(value, SMALLEST)) * BINS_PER_DOUBLING);
}

/** @returns the values between which a bin lies. */
export function logBinEdges(bin: number): [from: number, to: number] {
  return [2 ** ((bin - 1) / BINS_PER_DOUBLING), 2 ** (bin / BINS_PER_DOUBLING)];
}

/**
 * A quantile of what was counted by bin: up to 9 % too much, never too little.
 * @param q 0 to 1. @returns null where nothing was counted.
 */
export function logBinQuantile(counts: Counts, q: number): number | null {
  const bins = Object.entries(counts)
    .map(([bin, count]) => [Number(bin), count] as const)
    .sort(([a], [b]) => a - b);
  let left = q * bins.reduce((sum, [, count]) => sum + count, 0);
  for (const [bin, count] of bins) {
    left -= count;
    if (left <= 0) return logBinEdges(bin)[1];
  }
  return null;
}
