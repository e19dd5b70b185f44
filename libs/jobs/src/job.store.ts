import { readFileSync } from 'node:fs';
import type { JobStatus } from '#libs/contracts';
import { isTerminal } from '#libs/contracts';
import type { Redis, Result } from 'ioredis';
import type { Keys } from './keys.js';
import {
  decodeRecord,
  encodeEnd,
  expiryOf,
  type JobRecord,
  type JobResult,
  type JobSpec,
  type StoredRecord,
} from './record.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    beginBatch(keyCount: number, ...args: (string | number)[]): Result<BeginAnswer[], Context>;
    publishBatch(keyCount: number, ...args: (string | number)[]): Result<(0 | 1)[], Context>;
  }
}
type BeginAnswer = [fence: number, loneStarts: number, input?: string] | string;

/** Everything a client can see of a record; not its input, which only a worker reads. */
const VIEW_FIELDS = [
  'status',
  'spec',
  'started_at',
  'ended_at',
  'attempts',
  'outputs',
  'end',
] as const satisfies (keyof StoredRecord)[];

const CREATE_BATCH = script('create-batch.lua');

/** A started attempt: who holds the newest fence of a job, and only that one, may publish. */
export interface Started {
  id: string;
  fence: number;
  /** As `inputText` makes it; '' where it was not asked for. */
  input: string;
  /** How often it was started alone, by any worker, without coming to an end: this time included. */
  loneStarts: number;
}

/** A job that cannot be started: it has ended already, or there is no record of it. */
export interface NotStarted {
  id: string;
  status: JobStatus | null;
}

/** An end that is to be published. */
export interface Publication {
  id: string;
  fence: number;
  /** When it was sent to a runner, ms since the epoch. */
  sentAt: number;
  /** How long the record is kept from now on. */
  keepS: number;
  result: JobResult;
}

/** The job records in Redis, which are the truth about jobs. */
export class JobStore {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {
    defineScript(redis, 'beginBatch', 'begin-batch.lua');
    defineScript(redis, 'publishBatch', 'publish-batch.lua');
  }

  /**
   * Writes the records of accepted jobs, before whatever is sent next: one script, as a command for each
   * took a tenth of the api's time. All jobs must be of one model.
   * @param jobs with `input`, as `inputText` makes it.
   */
  async create(jobs: readonly { spec: JobSpec; input: string }[]): Promise<void> {
    const records = jobs.map(({ spec }) => this.keys.record(spec.id));
    const args = jobs.flatMap(({ spec, input }) => [JSON.stringify(spec), input]);
    // In a pipeline of its own, and with its text rather than its digest, it leaves now: put off to the
    // end of the turn, or sent again after a NOSCRIPT, it would come after the BullMQ jobs.
    const pipeline = this.redis.pipeline().eval(CREATE_BATCH, records.length, ...records, ...args);
    for (const [error] of (await pipeline.exec()) ?? []) {
      if (error) throw error;
    }
  }

  /** Takes back records whose jobs could not be queued. */
  async discard(ids: readonly string[]): Promise<void> {
    const pipeline = this.redis.pipeline();
    for (const id of ids) pipeline.unlink(this.keys.record(id));
    await pipeline.exec();
  }

  /** @returns null where no such job is kept. */
  async find(id: string): Promise<JobRecord | null> {
    const values = await this.redis.hmget(this.keys.record(id), ...VIEW_FIELDS);
    const stored: Partial<Record<keyof StoredRecord, string>> = {};
    VIEW_FIELDS.forEach((field, i) => {
      const value = values[i];
      if (value !== null && value !== undefined) stored[field] = value;
    });
    return decodeRecord(stored as Partial<StoredRecord>);
  }

  /**
   * Starts an attempt of each job. All jobs must be of one model.
   * @param options `lone`: the one job runs by itself, because it was there when a process died;
   *   `withInput`: false for jobs whose messages carried it.
   */
  async begin(
    ids: readonly string[],
    { lone = false, withInput = true }: { lone?: boolean; withInput?: boolean } = {},
  ): Promise<(Started | NotStarted)[]> {
    const records = ids.map((id) => this.keys.record(id));
    const answers = await this.redis.beginBatch(
      records.length,
      ...records,
      Date.now(),
      lone ? 1 : 0,
      withInput ? 1 : 0,
    );
    return answers.map((answer, i) => {
      const id = ids[i] ?? '';
      if (Array.isArray(answer)) {
        const [fence, loneStarts, input = ''] = answer;
        return { id, fence, input, loneStarts };
      }
      return { id, status: answer === '' ? null : (answer as JobStatus) };
    });
  }

  /**
   * Publishes a batch's results. All jobs must be of one model.
   * @param results `fence` 0 where the start was not written down (`begin`), and `sentAt` says when it was.
   * @returns for each, whether it was published: false where a newer attempt holds the fence or the
   *   job had ended already, and then nothing of it has changed.
   */
  async publish(results: readonly Publication[]): Promise<boolean[]> {
    const records = results.map(({ id }) => this.keys.record(id));
    const args: (string | number)[] = [Date.now()];
    for (const { fence, sentAt, result, keepS } of results) {
      const { status, outputs = '' } = result;
      if (!isTerminal(status)) throw new TypeError(`${status} is no end`);
      args.push(fence, sentAt, status, encodeEnd(result), outputs, keepS * 1000);
    }
    const answers = await this.redis.publishBatch(records.length, ...records, ...args);
    return answers.map((answer) => answer === 1);
  }

  /** A record that was kept for a callback goes when its own time is over. */
  async expireInTime({ spec, endedAt }: JobRecord): Promise<void> {
    if (endedAt === null) return;
    await this.redis.pexpireat(this.keys.record(spec.id), expiryOf({ spec, endedAt }));
  }
}

function defineScript(redis: Redis, name: string, file: string): void {
  redis.defineCommand(name, { lua: script(file) });
}

function script(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}
