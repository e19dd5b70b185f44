import { z } from 'zod';
import { wholeNumber } from './fields.js';

/** So many requests in so many seconds; as many at once where there were none for so long. */
export interface RateLimit {
  requests: number;
  windowS: number;
}

const WINDOWS_S: Record<string, number> = { s: 1, min: 60, h: 3600 };
const RATE = /^([1-9][0-9]{0,9})\/(s|min|h)$/;
/** Tokens come back after whole microseconds: beyond this, the rate would be another. */
const MAX_PER_S = 10_000;

/** What one caller, and all together, may ask for. */
export const limitsSchema = z.object({
  RATE_LIMIT: rate().describe(
    'Requests of a key, `100/s`, `6000/min` or `1000/h`; without keys, of an address; unset: no limit',
  ),
  ADDRESS_RATE_LIMIT: rate().describe('The same for each address, with a key or without'),
  MAX_QUEUED_JOBS: wholeNumber(0, 10_000_000, 0).describe(
    'Jobs of a key that may be queued at once, of all models together; 0: no limit',
  ),
  MAX_INFLIGHT_BYTES: wholeNumber(0, 2 ** 40, 0).describe(
    'Bytes of request bodies of a key that an api holds at once; 0: no limit',
  ),
  MAX_WAITS: wholeNumber(0, 1_000_000, 0).describe(
    'Requests of a key that an api holds open at once, for `Prefer: wait` and event streams; 0: no limit',
  ),
  MAX_QUEUE_DEPTH: wholeNumber(0, 100_000_000, 0).describe(
    'Queued jobs of a model beyond which no more are accepted; 0: no limit',
  ),
  MAX_ESTIMATED_WAIT_S: wholeNumber(0, 30 * 86_400, 0).describe(
    'Estimated wait in the queue of a model beyond which no more jobs are accepted; 0: no limit',
  ),
  MAX_REDIS_MEMORY_PERCENT: wholeNumber(0, 100, 90).describe(
    "Share of Redis' maxmemory beyond which no more jobs are accepted; 0: no limit",
  ),
});

function rate() {
  return z
    .string()
    .transform((text, context): RateLimit => {
      const [, requests, unit = ''] = RATE.exec(text) ?? [];
      const limit = { requests: Number(requests), windowS: WINDOWS_S[unit] ?? 1 };
      if (limit.requests / limit.windowS <= MAX_PER_S) return limit;
      context.addIssue({
        code: 'custom',
        message: `must be like 100/s, 6000/min or 1000/h, at most ${String(MAX_PER_S)} a second`,
      });
      return z.NEVER;
    })
    .optional();
}
