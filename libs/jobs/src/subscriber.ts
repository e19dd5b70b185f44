import type { Redis } from 'ioredis';

/** A connection on which nothing is said may be dead for hours before the system tells: it is tried so often, */
const PING_MS = 5000;
/** and given up without an answer in this time. */
const ANSWER_TIMEOUT_MS = 5000;

/** Of a connection that listens. */
export const LISTENING = {
  maxRetriesPerRequest: null,
  enableOfflineQueue: true,
  enableAutoPipelining: false,
  socketTimeout: ANSWER_TIMEOUT_MS,
  commandTimeout: undefined,
} as const;

/** @returns stops it. */
export function pingOften(subscriber: Redis): () => void {
  const pings = setInterval(() => {
    if (subscriber.status === 'ready') subscriber.ping().catch(() => undefined);
  }, PING_MS).unref();
  return () => {
    clearInterval(pings);
  };
}
