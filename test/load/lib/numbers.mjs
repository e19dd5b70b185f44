/**
 * @param {readonly number[]} values
 * @param {number} share 0 to 1
 * @returns {number} the smallest value that at least this share of them does not exceed; NaN where there are none
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/**
 * @param {readonly number[]} values
 * @returns {number} the middle one, or the mean of the two middle ones; NaN where there are none
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** Now, in ms since 1970 with a fraction: comparable between the processes of one machine. */
export function nowMs() {
  return performance.timeOrigin + performance.now();
}
