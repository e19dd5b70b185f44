/** With delays that double from 5 s, and jitter that shortens them: five to seven days. */
const MAX_ATTEMPTS = 18;
/** Part of each delay that chance may take off, so that those which failed together do not come back together. */
const JITTER = 0.3;

/**
 * How long until the next attempt, in ms.
 * @param tried attempts so far, from 1. @param firstMs delay before the second one.
 * @param askedMs what the receiver asked for. @returns null where there is to be none.
 */
export function retryDelayMs(
  tried: number,
  firstMs: number,
  askedMs: number | null,
  random: () => number = Math.random,
): number | null {
  if (tried >= MAX_ATTEMPTS) return null;
  const delay = firstMs * 2 ** (tried - 1) * (1 - JITTER * random());
  return Math.ceil(Math.max(delay, askedMs ?? 0));
}
