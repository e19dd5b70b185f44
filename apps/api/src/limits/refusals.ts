import { Injectable } from '@nestjs/common';
import { ProblemError } from '#libs/contracts';
import { ApiMetrics } from '../api.metrics.js';

/** What a request is refused with although nothing is wrong with it. */
export const REFUSALS = [
  'rate-limited',
  'too-many-queued',
  'too-many-bytes',
  'too-many-connections',
  'overloaded',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Longest that a client is told to wait: by then, things have changed. */
const MAX_RETRY_AFTER_S = 60;

/** Makes the problems of requests that come too often, or too soon, and counts them. */
@Injectable()
export class Refusals {
  constructor(private readonly metrics: ApiMetrics) {}

  /** @param waitS seconds after which it is worth while to try again, estimated. */
  refuse(code: Refusal, detail: string, waitS: number): ProblemError {
    this.metrics.refused(code);
    const retryAfterS =
      code === 'rate-limited' ? waitS : Math.min(MAX_RETRY_AFTER_S, Math.ceil(waitS));
    return new ProblemError(code, detail, { retryAfterS: Math.max(1, retryAfterS) });
  }
}
