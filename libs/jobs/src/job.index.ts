import { JOB_STATUSES, type JobStatus } from '#libs/contracts';
import type { Result } from 'ioredis';
import { firstIdAt } from './job-id.js';
import { labelDigest, labelsOf } from './labels.js';
import type { Keys } from './keys.js';
import { mergeWalks, type Walk } from './merge-walks.js';
import type { JobSpec } from './record.js';
import type { RedisConnection } from './redis.js';
import { jobScriptText, scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    listJobs(keyCount: number, ...args: (string | number)[]): Result<Walk[], Context>;
    buryBatch(keyCount: number, ...args: (string | number)[]): Result<(0 | 1)[], Context>;
  }
}

const TOMBSTONE_MS = 24 * 3_600_000;
/** Jobs that one page may look at in search of labels: Redis does nothing else meanwhile. */
const MAX_LOOKS = 250;

/** Which jobs of a caller are wanted. */
export interface JobFilter {
  models: readonly string[];
  statuses: readonly JobStatus[];
  owner: string;
  /** Pairs that a job must all have. */
  metadata: Readonly<Record<string, string>>;
  /** Created later than this, ms since the epoch. */
  createdAfter?: number | undefined;
  /** Created earlier than this, ms since the epoch. */
  createdBefore?: number | undefined;
}

/** An ended job whose time is over. */
export interface OverJob {
  id: string;
  /** Null where its record has gone already. */
  spec: JobSpec | null;
  /** Newest fence that any attempt held; 0 where none was written down. */
  fence: number;
  /** What its record says of outputs that are stored apart. */
  stored: string | null;
}

/** Where jobs are found without their ids: in the queue, by state and label, by what is due. */
export class JobIndex {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    redis.defineCommand('listJobs', { lua: scriptText('list.lua') });
    redis.defineCommand('buryBatch', { lua: jobScriptText('bury-batch.lua') });
  }

  /** Names of all models that jobs were ever accepted for. */
  models(): Promise<string[]> {
    return this.redis.smembers(this.keys.models);
  }

  /** @returns 1 for the job that is started next; null for one that does not wait. */
  async position(model: string, id: string): Promise<number | null> {
    const rank = await this.redis.zrank(this.keys.waiting(model), id);
    return rank === null ? null : rank + 1;
  }

  /**
   * A page of ids, newest first. It may hold fewer than `limit` although there are more: a search for
   * labels ends after so many looks, and goes on with the next page.
   * @param before only jobs older than this one.
   * @returns `next`: what to pass as `before` for the next page; null after the last.
   */
  async page(
    filter: JobFilter,
    { before, limit }: { before?: string | undefined; limit: number },
  ): Promise<{ ids: string[]; next: string | null }> {
    const walks = await Promise.all(
      filter.models.map((model) => this.walk(model, filter, before, limit)),
    );
    return mergeWalks(walks.flat(), limit);
  }

  /**
   * Queued jobs of a model whose time to start is over; at most `limit`.
   * @returns with the next deadline, ms since the epoch; null where there is none.
   */
  async due(
    model: string,
    nowMs: number,
    limit: number,
  ): Promise<{ ids: string[]; next: number | null }> {
    const deadlines = this.keys.startDeadlines(model);
    const [ids, next] = await Promise.all([
      this.redis.zrangebyscore(deadlines, '-inf', nowMs, 'LIMIT', 0, limit),
      this.redis.zrangebyscore(deadlines, `(${nowMs}`, '+inf', 'WITHSCORES', 'LIMIT', 0, 1),
    ]);
    if (ids.length === limit) return { ids, next: nowMs };
    return { ids, next: next[1] === undefined ? null : Number(next[1]) };
  }

  /** Ended jobs of a model that need be kept no longer, the first to go first; at most `limit`. */
  async over(model: string, nowMs: number, limit: number): Promise<OverJob[]> {
    const expiries = this.keys.expiries(model);
    const ids = await this.redis.zrangebyscore(expiries, '-inf', nowMs, 'LIMIT', 0, limit);
    return Promise.all(ids.map((id) => this.overJob(id)));
  }

  private async overJob(id: string): Promise<OverJob> {
    const held = await this.redis.hmget(this.keys.record(id), 'spec', 'fence', 'stored');
    const [text = null, fence, stored = null] = held;
    const spec = text === null ? null : (JSON.parse(text) as JobSpec);
    return { id, spec, fence: Number(fence ?? 0), stored };
  }

  /**
   * Removes jobs that are over, and leaves a tombstone of each. One that was put back into the queue
   * since stays as it is.
   * @param jobs of one model. @returns which of them this call has removed.
   */
  async bury(model: string, nowMs: number, jobs: readonly OverJob[]): Promise<boolean[]> {
    const { keys } = this;
    const answers = await this.redis.buryBatch(
      1 + jobs.length,
      keys.expiries(model),
      ...jobs.map(({ id }) => keys.record(id)),
      nowMs,
      keys.listPrefix(model),
      keys.labelPrefix(model),
      TOMBSTONE_MS,
      ...jobs.flatMap(({ spec }) => (spec ? [labelsOf(spec), spec.resultTtlS * 1000] : ['', 0])),
    );
    return answers.map((answer) => answer === 1);
  }

  private walk(
    model: string,
    filter: JobFilter,
    before: string | undefined,
    limit: number,
  ): Promise<Walk[]> {
    const { statuses, owner, metadata, createdAfter, createdBefore, models } = filter;
    const labels = Object.entries(metadata);
    const lists = [
      ...statuses.map((status) => `${this.keys.listPrefix(model)}${status}:${owner}`),
      ...labels.map((pair) => `${this.keys.labelPrefix(model)}${owner}:${labelDigest(...pair)}`),
    ];
    const newest = [before, createdBefore === undefined ? undefined : firstIdAt(createdBefore)]
      .filter((bound) => bound !== undefined)
      .sort()[0];
    return this.redis.listJobs(
      lists.length,
      ...lists,
      statuses.length,
      newest === undefined ? '+' : `(${newest}`,
      createdAfter === undefined ? '-' : `(${firstIdAt(createdAfter + 1)}`,
      limit + 1,
      Math.ceil(MAX_LOOKS / models.length),
      statuses.length === JOB_STATUSES.length ? 1 : 0,
    );
  }
}
