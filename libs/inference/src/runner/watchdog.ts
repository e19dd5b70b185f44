/** A timer that is later than this was held up with its whole process. */
const HELD_UP_MS = 50;

/**
 * Calls `overran` after a time, unless it is called off. Where this process was held up till after that time (it was
 * stopped, or its event loop was busy), what it waits for may have come, and is heard next: so it waits on for as long
 * as it was held up.
 * @returns calls it off.
 */
export function watchdog(timeoutMs: number, overran: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number): void => {
    const dueMs = performance.now() + ms;
    timer = setTimeout(() => {
      const lateMs = performance.now() - dueMs;
      if (lateMs > HELD_UP_MS) wait(lateMs);
      else overran();
    }, ms);
  };
  wait(timeoutMs);
  return () => {
    clearTimeout(timer);
  };
}
