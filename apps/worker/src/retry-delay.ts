/** Longer than an hour does not spare anybody anything. */
const MAX_DELAY_MS = 3_600_000;

/**
 * How long to wait before the attempt that follows this one: doubled with each, and shortened by up to
 * half at random, so that jobs that failed together do not come back together.
 * @param attempt 1 is the first. @param random in [0, 1).
 */
export function retryDelayMs(
  attempt: number,
  firstDelayMs: number,
  random = Math.random(),
): number {
  const longest = Math.min(MAX_DELAY_MS, firstDelayMs * 2 ** (attempt - 1));
  return Math.round(longest * (1 - random / 2));
}
