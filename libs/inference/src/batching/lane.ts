import { PRIORITIES, type Priority } from '#libs/contracts';
import { ArrivalRate } from './arrival-rate.js';
import type { BatchJob, Slice } from './batch.js';
import type { CostModel } from './cost-model.js';

/**
 * How much earlier than it did a job counts as submitted. A job is overtaken only by jobs that count as
 * earlier, so that nothing waits for more than a minute of newer, more urgent ones: that is its ageing.
 */
const HEAD_START_MS: Record<Priority, number> = { high: 30_000, normal: 0, low: -30_000 };

/** Share of a batch that one job may take while others wait for a place in it. */
const FAIR_SHARE = 1 / 4;

/** Rows that wait, of jobs whose rows may share a run: the most urgent first, then the oldest. */
export class Lane<T extends BatchJob> {
  readonly arrivals = new ArrivalRate();
  /** Rows that wait. */
  rows = 0;
  /** Their input bytes. */
  bytes = 0;
  private readonly queues: Record<Priority, Slice<T>[]> = { high: [], normal: [], low: [] };
  private deadlines = 0;

  constructor(
    readonly key: string,
    readonly cost: CostModel,
  ) {}

  add(slice: Slice<T>): void {
    this.queues[slice.job.priority].push(slice);
    this.count(slice, 1);
  }

  /** Rows that were taken and could not be run: before all others of their priority. */
  putBack(slice: Slice<T>): void {
    this.queues[slice.job.priority].unshift(slice);
    this.count(slice, 1);
  }

  /** When the oldest job was submitted; jobs of which a part has run already do not count. */
  get oldestMs(): number {
    return Math.min(...PRIORITIES.map((p) => this.queues[p][0]?.job.createdAt ?? Infinity));
  }

  /** Rank of the job that is next: lower goes first. */
  get rank(): number {
    return Math.min(...PRIORITIES.map((p) => rankOf(this.queues[p][0])));
  }

  /** The earliest time by which a job must have started. */
  get startBy(): number {
    if (this.deadlines === 0) return Infinity;
    const slices = PRIORITIES.flatMap((p) => this.queues[p]);
    return Math.min(...slices.map(({ job }) => job.startBy ?? Infinity));
  }

  /** Takes everything of a job. */
  remove(job: T): Slice<T>[] {
    const queue = this.queues[job.priority];
    const removed = queue.filter((slice) => slice.job === job);
    if (removed.length > 0) {
      this.queues[job.priority] = queue.filter((slice) => slice.job !== job);
      for (const slice of removed) this.count(slice, -1);
    }
    return removed;
  }

  /** Takes everything. */
  clear(): Slice<T>[] {
    const all = PRIORITIES.flatMap((p) => this.queues[p].splice(0));
    for (const slice of all) this.count(slice, -1);
    return all;
  }

  /**
   * Takes the next batch: at least a row, at most `maxRows` and, but for a row that is larger by itself,
   * `maxBytes`. Among jobs of one priority each first gets a fair share, and then what room is left; one
   * with rows left over goes behind the others, so that it holds up none of them for more than a batch.
   */
  take(maxRows: number, maxBytes: number): Slice<T>[] {
    const draft = new Draft<T>(maxRows, maxBytes);
    const share = this.rows <= maxRows ? maxRows : Math.max(1, Math.floor(maxRows * FAIR_SHARE));
    const visited: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
    let current: Priority | undefined;
    for (let next = this.nextAfter(visited); next; next = this.nextAfter(visited)) {
      if (next.priority !== current) draft.fillUp();
      current = next.priority;
      const isOnly = this.queues[current].length === 1;
      if (!draft.add(next.slice, isOnly ? maxRows : share)) break;
      visited[current]++;
    }
    draft.fillUp();
    for (const priority of PRIORITIES) this.queues[priority].splice(0, visited[priority]);
    return draft.entries.map(({ slice, rows }) => this.cut(slice, rows));
  }

  private nextAfter(
    visited: Record<Priority, number>,
  ): { slice: Slice<T>; priority: Priority } | undefined {
    let best: { slice: Slice<T>; priority: Priority } | undefined;
    for (const priority of PRIORITIES) {
      const slice = this.queues[priority][visited[priority]];
      if (slice && rankOf(slice) < rankOf(best?.slice)) best = { slice, priority };
    }
    return best;
  }

  private cut(slice: Slice<T>, rows: number): Slice<T> {
    const { job, from, to } = slice;
    this.count(slice, -1);
    const middle = from + rows;
    if (middle < to) this.add({ job, from: middle, to });
    return { job, from, to: middle };
  }

  private count({ job, from, to }: Slice<T>, sign: 1 | -1): void {
    this.rows += sign * (to - from);
    this.bytes += sign * (to - from) * bytesPerRow(job);
    if (job.startBy !== undefined) this.deadlines += sign;
  }
}

/** A batch that is being put together. */
class Draft<T extends BatchJob> {
  readonly entries: { slice: Slice<T>; rows: number }[] = [];
  private rows = 0;
  private bytes = 0;
  private filledUp = 0;

  constructor(
    private readonly maxRows: number,
    private readonly maxBytes: number,
  ) {}

  /** @returns false where there is no room for a row of it. */
  add(slice: Slice<T>, share: number): boolean {
    const rows = this.grant(slice, Math.min(slice.to - slice.from, share));
    if (rows < 1) return false;
    this.entries.push({ slice, rows });
    return true;
  }

  /** Gives the room that is left to those that got no more than a share. */
  fillUp(): void {
    for (const entry of this.entries.slice(this.filledUp)) {
      entry.rows += this.grant(entry.slice, entry.slice.to - entry.slice.from - entry.rows);
    }
    this.filledUp = this.entries.length;
  }

  private grant({ job }: Slice<T>, wanted: number): number {
    const perRow = bytesPerRow(job);
    const fits = Math.floor((this.maxBytes - this.bytes) / perRow);
    const room = Math.max(0, Math.min(wanted, this.maxRows - this.rows, fits));
    const rows = this.rows === 0 ? Math.max(1, room) : room;
    this.rows += rows;
    this.bytes += rows * perRow;
    return rows;
  }
}

function rankOf(slice: Slice<BatchJob> | undefined): number {
  return slice ? slice.job.createdAt - HEAD_START_MS[slice.job.priority] : Infinity;
}

function bytesPerRow({ bytes, count }: BatchJob): number {
  return Math.max(1, bytes / count);
}
