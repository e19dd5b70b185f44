import { clock } from '#libs/clock';
import type { RunSample } from '../runner/protocol.js';
import type { AdaptiveCap } from './adaptive-cap.js';
import type { Batch, BatchJob, FiringReason, Slice } from './batch.js';
import { rowsOf } from './batch.js';
import { CostModel } from './cost-model.js';
import { Lane } from './lane.js';

/** Lanes whose statistics are kept while nothing waits in them. */
const MAX_LANES = 256;
/** Timers are no finer than this: what is due sooner is due now. */
const TICK_MS = 1;
/** A job that must start by some time is sent off so long before. */
const DEADLINE_SLACK_MS = 5;

/** The runners behind a batcher. */
export interface Capacity {
  /** Until a batch would be welcome: 0 is now, Infinity is when some batch has ended. */
  freeInMs(nowMs: number): number;
  /** Whether some runner has nothing to do. */
  hasIdle(): boolean;
}

export interface BatcherOptions<T extends BatchJob> {
  capacity: Capacity;
  /** Most rows of a batch. */
  cap: AdaptiveCap;
  /** Most input bytes of a batch, so that a batch of large inputs fits in memory. */
  maxBytes: number;
  /** Longest that a job waits for company, since its submission. */
  maxDelayMs: number;
  /** The lane of instances with this shape signature. */
  laneOf: (shape: string | undefined) => string;
  /** What the warm-up tells about run times. */
  samples: () => readonly RunSample[];
  /** Sends a batch to a runner. Must not throw. */
  fire: (batch: Batch<T>) => void;
}

/**
 * Puts jobs of many callers together, in lanes of rows that may share a run.
 *
 * A batch goes as soon as a runner has room for it and one of these holds: it is full; its oldest job
 * has waited long enough; a job must start; or waiting does not pay, as the next arrival is expected to
 * take longer, for all that wait, than sharing a run with it would save. So a lone job goes at once.
 */
export class Batcher<T extends BatchJob> {
  private readonly lanes = new Map<string, Lane<T>>();
  private readonly solo: { slice: Slice<T>; lane: string }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private waking = false;
  private open = true;

  constructor(private readonly options: BatcherOptions<T>) {}

  set maxDelayMs(delayMs: number) {
    this.options.maxDelayMs = delayMs;
    this.wake();
  }

  /** Whether any row waits. */
  get isEmpty(): boolean {
    return this.solo.length === 0 && [...this.lanes.values()].every(({ rows }) => rows === 0);
  }

  /** @returns false where the batcher is closed and has not taken the job. */
  add(job: T): boolean {
    if (!this.open) return false;
    const nowMs = performance.now();
    for (const { lane: key, from, to } of this.stretches(job)) {
      const lane = this.lane(key);
      lane.arrivals.arrived(nowMs);
      if (job.solo) this.solo.push({ slice: { job, from, to }, lane: key });
      else lane.add({ job, from, to });
    }
    this.wake();
    return true;
  }

  /** Slices that could not be run, through no fault of theirs. */
  putBack({ lane, slices }: Batch<T>): void {
    for (const slice of slices.toReversed()) {
      if (slice.job.solo) this.solo.unshift({ slice, lane });
      else this.lane(lane).putBack(slice);
    }
    this.wake();
  }

  /** Jobs that were in a runner when it died: all that is left of them runs alone. */
  isolate({ lane, slices }: Batch<T>): void {
    for (const slice of slices) {
      const { job } = slice;
      const rest = job.solo ? [] : this.removeFromLanes(job);
      job.solo = true;
      this.solo.push({ slice, lane }, ...rest);
    }
    this.wake();
  }

  /** Forgets what has not started of a job. */
  remove(job: T): void {
    this.removeFromLanes(job);
    for (let i = this.solo.length - 1; i >= 0; i--) {
      if (this.solo[i]?.slice.job === job) this.solo.splice(i, 1);
    }
  }

  /** The job with the highest turn, of those that are `wanted`. */
  last(wanted: (job: T) => boolean): T | undefined {
    const jobs = [...this.lanes.values()].flatMap((lane) => lane.jobs).filter(wanted);
    return jobs.reduce<T | undefined>(
      (last, job) => (last && last.turn >= job.turn ? last : job),
      undefined,
    );
  }

  /** Takes nothing more. @returns the jobs of which something was not started. */
  close(): T[] {
    this.open = false;
    return this.clear();
  }

  /** @returns the jobs of which something was not started; the batcher forgets them. */
  clear(): T[] {
    clearTimeout(this.timer);
    const slices = [...this.lanes.values()].flatMap((lane) => lane.clear());
    for (const { slice } of this.solo.splice(0)) slices.push(slice);
    return [...new Set(slices.map(({ job }) => job))];
  }

  /** What a run of this lane is expected to take, and learns from. */
  cost(lane: string): CostModel {
    return this.lane(lane).cost;
  }

  /** Looks again, once all that arrives in this turn of the event loop is there. */
  wake(): void {
    if (this.waking || !this.open) return;
    this.waking = true;
    setImmediate(() => {
      this.waking = false;
      if (this.open) this.pump();
    });
  }

  private pump(): void {
    clearTimeout(this.timer);
    let inMs = 0;
    while (inMs < TICK_MS) inMs = this.solo.length > 0 ? this.fireSolo() : this.fireNext();
    if (!Number.isFinite(inMs)) return;
    this.timer = setTimeout(() => {
      this.pump();
    }, inMs);
  }

  /** A suspect has a runner to itself, so that what happens next is its own doing. Others wait. */
  private fireSolo(): number {
    const [next] = this.solo;
    if (!next || !this.options.capacity.hasIdle()) return Infinity;
    const { job, from, to } = next.slice;
    const middle = Math.min(to, from + this.options.cap.rows);
    if (middle < to) next.slice = { job, from: middle, to };
    else this.solo.shift();
    this.fire(next.lane, [{ job, from, to: middle }], 'solo');
    return 0;
  }

  /** Fires the most urgent batch that is due. @returns when to look again, 0 for at once. */
  private fireNext(): number {
    const nowMs = performance.now();
    const freeInMs = this.options.capacity.freeInMs(nowMs);
    if (freeInMs >= TICK_MS) return freeInMs;
    let due: { lane: Lane<T>; reason: FiringReason } | undefined;
    let inMs = Infinity;
    for (const lane of this.lanes.values()) {
      if (lane.rows === 0) continue;
      const reason = this.reasonToFire(lane, nowMs);
      if (typeof reason === 'number') inMs = Math.min(inMs, reason);
      else if (!due || lane.rank < due.lane.rank) due = { lane, reason };
    }
    if (!due) return inMs;
    const { cap, maxBytes } = this.options;
    this.fire(due.lane.key, due.lane.take(cap.rows, maxBytes), due.reason);
    return 0;
  }

  /** @returns the reason, or in how many milliseconds to look again. */
  private reasonToFire(lane: Lane<T>, nowMs: number): FiringReason | number {
    const { cap, maxBytes, maxDelayMs } = this.options;
    if (lane.rows >= cap.rows || lane.bytes >= maxBytes) return 'full';
    const epochMs = clock.now();
    const delayMs = lane.oldestMs + maxDelayMs - epochMs;
    if (delayMs < TICK_MS) return 'delay';
    const deadlineMs = lane.startBy - DEADLINE_SLACK_MS - epochMs;
    if (deadlineMs < TICK_MS) return 'deadline';
    const worthwhileGapMs = lane.cost.overheadMs / lane.rows;
    if (lane.arrivals.expectedGapMs(nowMs) >= worthwhileGapMs) return 'idle';
    const silenceMs = lane.arrivals.silentUntil(worthwhileGapMs) - nowMs;
    return Math.max(TICK_MS, Math.min(delayMs, deadlineMs, silenceMs));
  }

  private fire(lane: string, slices: Slice<T>[], reason: FiringReason): void {
    this.options.fire({ lane, slices, rows: rowsOf(slices), reason });
  }

  private lane(key: string): Lane<T> {
    let lane = this.lanes.get(key);
    if (!lane) {
      if (this.lanes.size >= MAX_LANES) this.forgetOneLane();
      lane = new Lane<T>(key, new CostModel(this.options.samples()));
      this.lanes.set(key, lane);
    }
    return lane;
  }

  private forgetOneLane(): void {
    for (const [key, { rows }] of this.lanes) {
      if (rows === 0) {
        this.lanes.delete(key);
        return;
      }
    }
  }

  private removeFromLanes(job: T): { slice: Slice<T>; lane: string }[] {
    return [...this.lanes.values()].flatMap((lane) =>
      lane.remove(job).map((slice) => ({ slice, lane: lane.key })),
    );
  }

  /** Consecutive instances of one lane. */
  private *stretches(job: T): Generator<{ lane: string; from: number; to: number }> {
    const { shape, count } = job;
    if (!Array.isArray(shape)) {
      yield { lane: this.options.laneOf(shape), from: 0, to: count };
      return;
    }
    const lanes = shape.map((signature) => this.options.laneOf(signature));
    for (let from = 0; from < count;) {
      let to = from + 1;
      while (to < count && lanes[to] === lanes[from]) to++;
      yield { lane: lanes[from] ?? '', from, to };
      from = to;
    }
  }
}
