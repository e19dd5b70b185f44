/** Bins of a histogram are told by their edges, see DriftFeature. */

/** @returns the bin that holds `value`; `edges` ascend. */
export function binOf(edges: readonly number[] | Float64Array, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value > (edges[middle] ?? Infinity)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bins of equal width from `from` to `to`, and one on each side for what lies beyond. */
export function linearEdges(from: number, to: number, bins: number): number[] {
  if (from === to) return discreteEdges([from]);
  const edges = Array.from({ length: bins + 1 }, (_, i) => from + ((to - from) * i) / bins);
  // Bins hold their upper edge: the lowest declared value is no value below the range.
  edges[0] = from - Math.abs(to - from) * 1e-9;
  return edges;
}

/** Powers of two on both sides of zero, for numbers of which nothing is known. */
export const SIGNED_LOG_EDGES: readonly number[] = signedLogEdges(-10, 30);

/**
 * Bins that hold about as many of these values each. Where there are few different ones, each has a bin of
 * its own, and so has what lies between.
 */
export function quantileEdges(values: readonly number[], bins: number): number[] {
  const sorted = Float64Array.from(values).sort();
  const different = [...new Set(sorted)];
  if (different.length <= bins) return discreteEdges(different);
  const quantiles = Array.from(
    { length: bins - 1 },
    (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / bins) - 1] ?? 0,
  );
  return [...new Set(quantiles)];
}

function discreteEdges(values: readonly number[]): number[] {
  const [first = 0] = values;
  const last = values.at(-1) ?? 0;
  const gaps = values.slice(1).map((value, i) => value - (values[i] ?? 0));
  const margin = Math.min(...gaps, Math.max(1, Math.abs(first), Math.abs(last)) * 1e-6) / 2;
  const between = gaps.map((gap, i) => (values[i] ?? 0) + gap / 2);
  // Values that nothing lies between share a bin.
  return [...new Set([first - margin, ...between, last + margin])];
}

function signedLogEdges(from: number, to: number): number[] {
  const above = Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i));
  const below = above.map((edge) => -edge).reverse();
  return [...below, 0, ...above];
}
