import { setTimeout as sleep } from 'node:timers/promises';

/** A finished result is worth waiting for Redis, or for a store: it is tried again at this pace. */
const RETRY_MS = 500;

/** Tries until it works. */
export async function untilDone<T>(
  attempt: () => Promise<T>,
  onError: (error: unknown) => void,
): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      onError(error);
      await sleep(RETRY_MS);
    }
  }
}
