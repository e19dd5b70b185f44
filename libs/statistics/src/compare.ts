import { chiSquaredTail, kolmogorovTail } from './tails.js';

/** Added to each bin, so that an empty one does not make the index infinite. */
const SMOOTHING = 0.5;
/** Of the smaller sample in a bin, if there is no shift: with fewer, the test below is not to be trusted (Cochran). */
const MIN_EXPECTED = 5;
/** Bins with an order are made wider where there are many: more bins see a shift less surely. */
const MIN_SHARE = 0.05;

/** How far two samples are apart. */
export interface Comparison {
  /**
   * Population stability index, less what chance alone makes of samples as small as these; 0 where it makes more.
   * By custom (Siddiqi, 2006) below 0.1 is stable, above 0.25 is a significant shift.
   */
  psi: number;
  /** Largest distance of the two cumulative distributions, 0 to 1; null where bins have no order. */
  ks: number | null;
  /** Probability that two samples of the same distribution are as far apart or farther, by either of two tests. */
  pValue: number;
  /**
   * Standard deviation of `psi` between samples as small as these where it truly is so much: that of a noncentral
   * chi-squared, which the index is about.
   */
  deviationAt: (truly: number) => number;
}

/**
 * Compares two histograms with the same bins.
 * @param ordered neighbouring bins hold what is alike.
 */
export function compare(
  actual: readonly number[],
  expected: readonly number[],
  ordered: boolean,
): Comparison {
  const n = total(actual);
  const m = total(expected);
  if (n === 0 || m === 0) {
    return { psi: 0, ks: ordered ? 0 : null, pValue: 1, deviationAt: () => Infinity };
  }
  const groups = ordered ? neighbours(actual, expected) : withoutRare(actual, expected);
  const p = groups.map(([a]) => a);
  const q = groups.map(([, e]) => e);
  const unit = 1 / n + 1 / m;
  const chance = (groups.length - 1) * unit;
  const psi = Math.max(0, stabilityIndex(p, q) - chance);
  const deviationAt = (truly: number) => Math.sqrt(unit * (2 * chance + 4 * truly));
  const byShares = chiSquaredTail(homogeneity(p, q), groups.length - 1);
  if (!ordered) return { psi, ks: null, pValue: byShares, deviationAt };
  const ks = largestDistance(actual, expected);
  const pValue = Math.min(1, 2 * Math.min(byShares, kolmogorovTail(ks, n, m)));
  return { psi, ks, pValue, deviationAt };
}

/** Sum of (p − q) × ln(p / q) over the bins. */
function stabilityIndex(actual: readonly number[], expected: readonly number[]): number {
  const n = total(actual) + SMOOTHING * actual.length;
  const m = total(expected) + SMOOTHING * expected.length;
  return actual.reduce((sum, count, i) => {
    const p = (count + SMOOTHING) / n;
    const q = ((expected[i] ?? 0) + SMOOTHING) / m;
    return sum + (p - q) * Math.log(p / q);
  }, 0);
}

/** Pearson's statistic for two samples of one distribution. */
function homogeneity(actual: readonly number[], expected: readonly number[]): number {
  const ratio = Math.sqrt(total(expected) / total(actual));
  return actual.reduce((sum, a, i) => {
    const e = expected[i] ?? 0;
    return a + e === 0 ? sum : sum + (ratio * a - e / ratio) ** 2 / (a + e);
  }, 0);
}

function largestDistance(actual: readonly number[], expected: readonly number[]): number {
  const n = total(actual);
  const m = total(expected);
  let apart = 0;
  let largest = 0;
  actual.forEach((count, i) => {
    apart += count / n - (expected[i] ?? 0) / m;
    largest = Math.max(largest, Math.abs(apart));
  });
  return largest;
}

type Group = [actual: number, expected: number];

/**
 * By both samples: a bin that is empty in one of them is what a shift looks like. Each counts for half, as of a
 * hundred rows of a reference nothing would be left beside a hundred thousand observed ones.
 */
function shareOf([a, e]: Group, n: number, m: number): number {
  return (a / n + e / m) / 2;
}

function neighbours(actual: readonly number[], expected: readonly number[]): Group[] {
  const [n, m] = [total(actual), total(expected)];
  const least = Math.max(MIN_EXPECTED / Math.min(n, m), MIN_SHARE);
  const groups: Group[] = [];
  let open: Group = [0, 0];
  actual.forEach((count, i) => {
    open = [open[0] + count, open[1] + (expected[i] ?? 0)];
    if (shareOf(open, n, m) < least) return;
    groups.push(open);
    open = [0, 0];
  });
  const last = groups.pop() ?? [0, 0];
  return [...groups, [last[0] + open[0], last[1] + open[1]]];
}

function withoutRare(actual: readonly number[], expected: readonly number[]): Group[] {
  const [n, m] = [total(actual), total(expected)];
  const least = MIN_EXPECTED / Math.min(n, m);
  const all = actual.map((count, i): Group => [count, expected[i] ?? 0]);
  const rare = all.filter((group) => shareOf(group, n, m) < least);
  const others: Group = [total(rare.map(([a]) => a)), total(rare.map(([, e]) => e))];
  const common = all.filter((group) => shareOf(group, n, m) >= least);
  return total(others) === 0 ? common : [...common, others];
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
