import { randomUUID } from 'node:crypto';
import { clock } from '#libs/clock';
import { createdAtOf } from './job-id.js';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';

/** A mark of a process that has gone goes so much later. */
const MARK_MS = 3_600_000;
/** So long it is remembered that data were lost: as long as what is left of a job that was not. */
const REMEMBERED_MS = 24 * 3_600_000;
/** Between the making of a job's id and its acceptance, and between the clocks of two machines. */
const ID_MARGIN_MS = 60_000;

/** Redis has lost what was written between two times, ms since the epoch. */
export interface DataLoss {
  /** Null: all that was written before. */
  since: number | null;
  until: number;
}

/**
 * Sees whether Redis has lost what it had confirmed: all of it, or its latest writes, as after a restart without the
 * end of the append-only file, or a failover to a replica that lagged behind. Redis' log loses no write without all
 * that follow. So two are looked at: a mark that each process sets anew, and each model's last job that it has accepted.
 */
export class Witness {
  private readonly markKey: string;
  private marks = 0;
  private confirmed = 0;
  private confirmedAt = 0;
  private readonly missed = new Set<string>();
  private known: DataLoss | null = null;

  /** @param latest ids of the jobs that this process has accepted last, one of each model. */
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly latest: () => Iterable<string>,
  ) {
    this.markKey = keys.mark(randomUUID());
  }

  /** What was lost within the last day, whoever has seen it; null: nothing that is known. */
  get loss(): DataLoss | null {
    return this.known && clock.now() < this.known.until + REMEMBERED_MS ? this.known : null;
  }

  /** Whether a job that is not there may have been accepted, and lost. The id must have passed `isJobId`. */
  mayHaveLost(id: string): boolean {
    const { loss } = this;
    if (!loss) return false;
    const createdAt = createdAtOf(id);
    const { since, until } = loss;
    return createdAt <= until && (since === null || createdAt >= since - ID_MARGIN_MS);
  }

  /**
   * To be called each second, one call after the other.
   * @returns what was lost since the last time; null: nothing. @throws what Redis threw.
   */
  async look(): Promise<DataLoss | null> {
    const mark = ++this.marks;
    const [before, areJobsThere, told] = await Promise.all([
      this.redis.set(this.markKey, `${String(mark)} ${String(clock.now())}`, 'PX', MARK_MS, 'GET'),
      Promise.all([...this.latest()].map((id) => this.isThere(id))),
      this.redis.get(this.keys.dataLoss),
    ]);
    const [number = 0, at = null] = before?.split(' ').map(Number) ?? [];
    const isMarkThere = number >= this.confirmed || clock.now() > this.confirmedAt + MARK_MS / 2;
    this.confirmed = mark;
    this.confirmedAt = clock.now();
    const isAllThere = isMarkThere && !areJobsThere.includes(false);
    const found = isAllThere ? null : { since: at, until: clock.now() };
    await this.remember(found, told);
    return found;
  }

  /** False once of each that is not. */
  private async isThere(id: string): Promise<boolean> {
    // Later, its tombstone may have gone, too.
    if (this.missed.has(id) || clock.now() > createdAtOf(id) + MARK_MS) return true;
    const { redis, keys } = this;
    const names = [keys.record(id), keys.tombstone(id)];
    const there = await Promise.all(names.map((name) => redis.exists(name)));
    if (there.includes(1)) return true;
    this.missed.add(id);
    return false;
  }

  /** All processes know of it, also those that start later. */
  private async remember(found: DataLoss | null, told: string | null): Promise<void> {
    const heard = told === null ? null : (JSON.parse(told) as DataLoss);
    const losses = [this.loss, heard, found].filter((loss) => loss !== null);
    if (losses.length === 0) return;
    this.known = losses.reduce(both);
    const text = JSON.stringify(this.known);
    if (text !== told) await this.redis.set(this.keys.dataLoss, text, 'PX', REMEMBERED_MS);
  }
}

function both(a: DataLoss, b: DataLoss): DataLoss {
  const since = a.since === null || b.since === null ? null : Math.min(a.since, b.since);
  return { since, until: Math.max(a.until, b.until) };
}
