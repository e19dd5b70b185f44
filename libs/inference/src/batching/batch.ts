import type { Priority } from '#libs/contracts';

/** A job as the batcher sees it. */
export interface BatchJob {
  /** Instances, that is rows. */
  readonly count: number;
  /** Size of its input. */
  readonly bytes: number;
  /** Shape signature of its instances, one for all or one each; absent where shapes are fixed. */
  readonly shape?: string | string[] | undefined;
  /** Lower goes first; its caller's priority is in it. */
  readonly turn: number;
  /** Jobs of one priority share batches. */
  readonly priority: Priority;
  /** When it was submitted, ms since the epoch. */
  readonly createdAt: number;
  /** When this worker took it, ms since the epoch. */
  readonly takenAt: number;
  /** It must have been started by then, ms since the epoch. */
  readonly startBy?: number | undefined;
  /** Must have a runner to itself: it was there when one died. */
  solo: boolean;
}

/** Rows `[from, to)` of a job. */
export interface Slice<T> {
  job: T;
  from: number;
  to: number;
}

/**
 * Why a batch went: it was full, its oldest job had waited for `max_queue_delay_ms`, a job had to start,
 * company was not worth waiting for, or it must run alone.
 */
export type FiringReason = 'full' | 'delay' | 'deadline' | 'idle' | 'solo';

/** What goes to a runner together: slices of one lane. */
export interface Batch<T> {
  lane: string;
  slices: Slice<T>[];
  rows: number;
  reason: FiringReason;
}

export function rowsOf(slices: readonly Slice<unknown>[]): number {
  return slices.reduce((rows, { from, to }) => rows + to - from, 0);
}

export function bytesPerRow({ bytes, count }: BatchJob): number {
  return Math.max(1, bytes / count);
}
