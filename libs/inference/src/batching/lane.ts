import { clock } from '#libs/clock';
import { ArrivalRate } from './arrival-rate.js';
import { type BatchJob, bytesPerRow, type Slice } from './batch.js';
import type { CostModel } from './cost-model.js';
import { Draft } from './draft.js';

/**
 * A job that has been held for so long is overtaken no more, whatever the turn of what comes: that is its
 * ageing, and it bounds what a turn that is counted otherwise (see Turns) can do.
 */
const MAX_OVERTAKEN_MS = 30_000;
/** Puts those before all that are ranked by their turn. */
const BEFORE_ALL = 2 ** 52;

/** Share of a batch that is kept for small jobs while any wait, and what makes a job small. */
const SMALL_SHARE = 1 / 4;

/** Rows that wait, of jobs whose rows may share a run, in the order of their jobs' turns. */
export class Lane<T extends BatchJob> {
  readonly arrivals = new ArrivalRate();
  /** Rows that wait. */
  rows = 0;
  /** Their input bytes. */
  bytes = 0;
  private waiting: Slice<T>[] = [];
  private deadlines = 0;
  /** Rows that small jobs may have of the next batch; of a small batch they save up for one. */
  private keptForSmall = 1;

  constructor(
    readonly key: string,
    readonly cost: CostModel,
  ) {}

  /** Behind those of the same turn. */
  add(slice: Slice<T>): void {
    const agedMs = clock.now() - MAX_OVERTAKEN_MS;
    let at = this.waiting.length;
    for (let last = this.waiting[at - 1]; last; last = this.waiting[at - 1]) {
      if (last.job.turn <= slice.job.turn || last.job.takenAt < agedMs) break;
      at--;
    }
    this.insert(at, slice);
  }

  /** Rows that were taken and could not be run: before those of the same turn. */
  putBack(slice: Slice<T>): void {
    const at = this.waiting.findIndex(({ job }) => job.turn >= slice.job.turn);
    this.insert(at < 0 ? this.waiting.length : at, slice);
  }

  /** Those of which something waits. */
  get jobs(): T[] {
    return this.waiting.map(({ job }) => job);
  }

  /** When the oldest job was submitted. */
  get oldestMs(): number {
    return Math.min(...this.waiting.map(({ job }) => job.createdAt));
  }

  /** Rank of the job that is next: lower goes first. */
  get rank(): number {
    const [next] = this.waiting;
    if (!next) return Infinity;
    const { takenAt, turn } = next.job;
    return takenAt < clock.now() - MAX_OVERTAKEN_MS ? takenAt - BEFORE_ALL : turn;
  }

  /** The earliest time by which a job must have started. */
  get startBy(): number {
    if (this.deadlines === 0) return Infinity;
    return Math.min(...this.waiting.map(({ job }) => job.startBy ?? Infinity));
  }

  /** Takes everything of a job. */
  remove(job: T): Slice<T>[] {
    const removed = this.waiting.filter((slice) => slice.job === job);
    if (removed.length > 0) this.waiting = this.waiting.filter((slice) => slice.job !== job);
    for (const slice of removed) this.count(slice, -1);
    return removed;
  }

  /** Takes everything. */
  clear(): Slice<T>[] {
    const all = this.waiting.splice(0);
    for (const slice of all) this.count(slice, -1);
    return all;
  }

  /**
   * Takes the next batch: at least a row, at most `maxRows` and, but for a row that is larger by itself,
   * `maxBytes`. Turns decide, except that large jobs leave a quarter of the batch to small ones of the
   * same priority: so those wait for no large job's end, however many of these there are.
   */
  take(maxRows: number, maxBytes: number): Slice<T>[] {
    const share = Math.max(1, maxRows * SMALL_SHARE);
    this.keptForSmall = Math.min(share, this.keptForSmall + maxRows * SMALL_SHARE);
    const kept = Math.floor(this.keptForSmall);
    const draft = new Draft<T>({ maxRows, maxBytes, smallRows: Math.floor(share), kept });
    for (const slice of this.waiting) if (!draft.add(slice)) break;
    const entries = draft.finish();
    this.keptForSmall -= Math.min(kept, draft.smallRows);
    const rests = entries.flatMap(({ slice, rows }) => this.cut(slice, rows));
    this.waiting.splice(0, entries.length, ...rests);
    return entries
      .filter(({ rows }) => rows > 0)
      .map(({ slice: { job, from }, rows }) => ({ job, from, to: from + rows }));
  }

  /** @returns what is left. */
  private cut({ job, from, to }: Slice<T>, rows: number): Slice<T>[] {
    this.count({ job, from, to }, -1);
    if (from + rows === to) return [];
    const rest = { job, from: from + rows, to };
    this.count(rest, 1);
    return [rest];
  }

  private insert(at: number, slice: Slice<T>): void {
    this.waiting.splice(at, 0, slice);
    this.count(slice, 1);
  }

  private count({ job, from, to }: Slice<T>, sign: 1 | -1): void {
    this.rows += sign * (to - from);
    this.bytes += sign * (to - from) * bytesPerRow(job);
    if (job.startBy !== undefined) this.deadlines += sign;
  }
}
