import { clock } from '#libs/clock';
import { jobProblem, type JobStatus } from '#libs/contracts';
import type { Result } from 'ioredis';
import { AttemptStore, type Part } from './attempt.store.js';
import type { Keys } from './keys.js';
import { callbackOf, labelsOf } from './labels.js';
import {
  decodeRecord,
  encodeEnd,
  expiryOf,
  type JobRecord,
  type JobSpec,
  type KeptJob,
  startBy,
  type StoredRecord,
  type Tombstone,
} from './record.js';
import type { RedisConnection } from './redis.js';
import { jobScriptText } from './script.js';
import { type Arguments, changeArguments, requeueArguments } from './script-arguments.js';
import { subscribe } from './subscribe.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    endBatch(keyCount: number, ...args: Arguments): Result<(1 | JobStatus | '')[], Context>;
    discardBatch(keyCount: number, ...args: Arguments): Result<(0 | 1)[], Context>;
  }
}

const SCRIPTS = {
  endBatch: 'end-batch.lua',
  discardBatch: 'discard-batch.lua',
} as const;

const CANCELED_QUEUED = jobProblem('canceled', 'It was canceled before it was started.');
const CANCELED_RUNNING = jobProblem(
  'canceled',
  'It was canceled while it ran: what was computed of it is discarded.',
);
const LATE = jobProblem(
  'queue-timeout',
  'It was not started within queue_timeout_s. Submit it again, or allow more time.',
);

/** Everything a client can see of a record; not its input, which only a worker reads. */
const VIEW_FIELDS = [
  'status',
  'spec',
  'started_at',
  'ended_at',
  'tries',
  'history',
  'done',
  'told',
  'outputs',
  'stored',
  'end',
] as const satisfies (keyof StoredRecord)[];

const CREATE_BATCH = jobScriptText('create-batch.lua');
const REQUEUE_BATCH = jobScriptText('requeue-batch.lua');

/** A job that is being accepted. */
export interface NewJob {
  spec: JobSpec;
  /** As `inputText` makes it; '' where it is stored apart. */
  input: string;
  /** See Turns. */
  turn: number;
  /** Tells this submission from others with the same id. A record that is there stays as it is then. */
  by?: string | undefined;
  /** How many jobs its owner may have queued at its model, with this one; absent: any number. */
  most?: number | undefined;
}

/** What came of writing records. */
export interface Created {
  /** Queued jobs of the model then. */
  depth: number;
  /** Places of the jobs that their owner has no room for: these do not exist. */
  refused: ReadonlySet<number>;
}

/** The job records in Redis, which are the truth about jobs. */
export class JobStore extends AttemptStore {
  /** Models that Redis knows to have jobs. */
  private readonly models = new Set<string>();

  constructor(redis: RedisConnection, keys: Keys) {
    super(redis, keys);
    for (const [name, file] of Object.entries(SCRIPTS)) {
      redis.defineCommand(name, { lua: jobScriptText(file) });
    }
  }

  /**
   * Writes the records of accepted jobs, before whatever is sent next: one script, as a command for each
   * took a tenth of the api's time. All jobs must be of one model.
   */
  async create(model: string, jobs: readonly NewJob[]): Promise<Created> {
    const { keys } = this;
    const records = jobs.map(({ spec }) => keys.record(spec.id));
    const args: Arguments = [keys.waiting(model), keys.startDeadlines(model), ...records];
    args.push(keys.listPrefix(model), keys.labelPrefix(model));
    for (const { spec, input, turn, by = '', most = '' } of jobs) {
      args.push(JSON.stringify(spec), input, spec.owner, turn, startBy(spec, spec.createdAt) ?? '');
      args.push(labelsOf(spec), by, callbackOf(spec), most);
    }
    const [answer] = await Promise.all([
      this.evalNow(CREATE_BATCH, 2 + records.length, args),
      this.register(model),
    ]);
    const [depth = 0, ...refused] = answer as number[];
    return { depth, refused: new Set(refused.map((place) => place - 1)) };
  }

  /**
   * Runs a script that must come before the BullMQ jobs that are added next. In a pipeline of its own, and
   * with its text rather than its digest, it leaves now: put off to the end of the turn, or sent again
   * after a NOSCRIPT, it would come after them.
   */
  private async evalNow(script: string, keyCount: number, args: Arguments): Promise<unknown> {
    const answers = await this.redis
      .pipeline()
      .eval(script, keyCount, ...args)
      .exec();
    const [error, answer] = answers?.[0] ?? [new Error('nothing was sent')];
    if (error) throw error;
    return answer;
  }

  /** So that everybody knows which models have jobs. */
  private async register(model: string): Promise<void> {
    if (this.models.has(model)) return;
    await this.redis.sadd(this.keys.models, model);
    this.models.add(model);
  }

  /** Should Redis have lost it. */
  async registerAgain(): Promise<void> {
    if (this.models.size > 0) await this.redis.sadd(this.keys.models, ...this.models);
  }

  /**
   * Takes back jobs that could not be queued, unless they were submitted again, or have started. All must be
   * of one model.
   * @returns for each, whether there is no such job now.
   */
  async discard(model: string, jobs: readonly Pick<NewJob, 'spec' | 'by'>[]): Promise<boolean[]> {
    const { keys } = this;
    const answers = await this.redis.discardBatch(
      2 + jobs.length,
      keys.waiting(model),
      keys.startDeadlines(model),
      ...jobs.map(({ spec }) => keys.record(spec.id)),
      keys.listPrefix(model),
      keys.labelPrefix(model),
      ...jobs.flatMap(({ spec, by = '' }) => [spec.owner, labelsOf(spec), by]),
    );
    return answers.map((answer) => answer === 1);
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

  /** In the order of their ids. */
  findMany(ids: readonly string[]): Promise<(JobRecord | null)[]> {
    // They leave together: the connection pipelines what is asked in one turn of the event loop.
    return Promise.all(ids.map((id) => this.find(id)));
  }

  /** @returns what is left of a job that is kept no longer; null where that is over, too. */
  async findTombstone(id: string): Promise<Tombstone | null> {
    const text = await this.redis.get(this.keys.tombstone(id));
    return text === null ? null : (JSON.parse(text) as Tombstone);
  }

  /** Parts of a job that runs, from the `index`-th on, at most `count`. */
  async parts(id: string, index: number, count: number): Promise<Part[]> {
    const texts = await this.redis.lrange(this.keys.parts(id), index, index + count - 1);
    return texts.map((text) => {
      const head = text.indexOf('\n');
      return { done: Number(text.slice(0, head)), outputs: text.slice(head + 1) };
    });
  }

  /**
   * Bytes `[from, to)` of the text of a running job.
   * @returns null where they are not there, as it was begun anew.
   */
  async text(id: string, from: number, to: number): Promise<string | null> {
    const bytes = await this.redis.getrangeBuffer(this.keys.parts(id), from, to - 1);
    return bytes.length === to - from ? bytes.toString() : null;
  }

  /**
   * An ended job becomes queued again, before whatever is sent next.
   * @returns false where it is otherwise than the record says, if only by an attempt.
   */
  async retry({ spec, status, end, history }: JobRecord, turn: number): Promise<boolean> {
    const error = JSON.stringify(end?.error ?? null);
    const latest = startBy(spec, clock.now()) ?? '';
    const args = [status, '', history.length, error, turn, latest];
    const [keyCount, ...rest] = requeueArguments(this.keys, spec.model, [{ id: spec.id, args }]);
    const [done] = (await this.evalNow(REQUEUE_BATCH, keyCount, rest)) as [0 | 1];
    return done === 1;
  }

  /**
   * Ends queued and running jobs; what is computed of them is discarded. Tells the workers.
   * All jobs must be of one model.
   * @returns the status that each has now; null where there is no record.
   */
  async cancel(model: string, jobs: readonly KeptJob[]): Promise<(JobStatus | null)[]> {
    const answers = await this.endEarly(model, jobs, [
      'canceled',
      encodeEnd({ error: CANCELED_QUEUED }),
      encodeEnd({ error: CANCELED_RUNNING }),
      this.keys.cancelChannel,
    ]);
    return answers.map((answer) => (answer === 1 ? 'canceled' : answer === '' ? null : answer));
  }

  /** Ends jobs that are still queued as too late. All must be of one model. @returns which it has ended. */
  async expire(model: string, jobs: readonly KeptJob[]): Promise<boolean[]> {
    const answers = await this.endEarly(model, jobs, [
      'expired',
      encodeEnd({ error: LATE }),
      '',
      '',
    ]);
    return answers.map((answer) => answer === 1);
  }

  /** Gives jobs that still wait another turn. All must be of one model. */
  async changeTurns(model: string, turns: ReadonlyMap<string, number>): Promise<void> {
    const pairs = [...turns].flatMap(([id, turn]) => [turn, id]);
    await this.redis.zadd(this.keys.waiting(model), 'XX', ...pairs);
  }

  /** Calls `listener` with the ids of jobs that are canceled from now on. @returns stops listening. */
  onCanceled(listener: (ids: string[]) => void): Promise<() => void> {
    return subscribe(this.redis, this.keys.cancelChannel, (message) => {
      listener(message.split(' '));
    });
  }

  /** A record that was kept for a callback goes when its own time is over. */
  async expireInTime({ spec, endedAt }: JobRecord): Promise<void> {
    if (endedAt === null) return;
    const expiry = expiryOf({ spec, endedAt });
    await this.redis.zadd(this.keys.expiries(spec.model), 'XX', expiry, spec.id);
  }

  private endEarly(model: string, jobs: readonly KeptJob[], end: string[]) {
    const ids = jobs.map(({ id }) => id);
    const keep = jobs.map(({ resultTtlS }) => resultTtlS * 1000);
    return this.redis.endBatch(...changeArguments(this.keys, model, ids), ...end, ...keep);
  }
}
