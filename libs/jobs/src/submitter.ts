import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '#libs/clock';
import { ProblemError } from '#libs/contracts';
import { type Bundle, bundlesOf } from './bundle.js';
import { messageOf } from './job-message.js';
import type { Created, JobStore } from './job.store.js';
import type { Payloads } from './payloads/payloads.js';
import type { PredictQueues } from './predict.queues.js';
import { type JobRecord, type JobSpec, startBy } from './record.js';
import { mayHaveArrived } from './redis.js';
import type { Replication } from './replication.js';
import type { Turns, TurnTaker } from './turns.js';

/** What a caller may have queued. */
export interface Quota {
  /** Jobs at the model of a submission, with it. */
  most: number;
  /** How many more that was when it was looked at. */
  room: number;
  /** What becomes of a submission that is one too many. */
  refuse: () => Error;
}

/** A job that is to be accepted. */
export interface Submission {
  spec: JobSpec;
  /** As `inputText` makes it. */
  input: string;
  /** Rows up to which it travels together with others, see `bundlesOf`. */
  bundleRows: number;
  /** It may have been accepted by an earlier try with the same id: then its record stays as it is. */
  mayExist?: boolean | undefined;
  /** Absent: its caller may have any number of jobs. */
  quota?: Quota | undefined;
}

interface Waiting extends Submission {
  by: string | undefined;
  accepted: () => void;
  refused: (error: Error) => void;
}

type InTurn = Waiting & { turn: number };

type GivenUp = Pick<Submission, 'spec' | 'mayExist'> & { by?: string | undefined };

/** Most jobs of one flush, so that a flush stays a short piece of Redis' time. */
const MAX_FLUSH = 256;
/** Flushes of a model under way at once: while Redis works on one, the api prepares the next. */
const MAX_FLUSHES = 2;
/** With less room than this, it is awaited whether jobs have room before they are sent to the workers. */
const NEAR_QUOTA = 4 * MAX_FLUSHES * MAX_FLUSH;
/** Together, longer than an operator takes to bring Redis back. */
const DISCARD_DELAYS_MS = [1000, 5000, 15_000, 60_000, 300_000, 900_000];

/**
 * Accepts jobs by group commit: while round trips to Redis are under way, the submissions that come
 * in gather, and the next round trip takes them all. A lone submission goes at once. Under load the
 * cost of a round trip, and of the AOF's fsync, is shared by everybody who waits for it.
 */
export class Submitter {
  /** How many jobs of a model were queued when that was last heard. */
  readonly depths = new Map<string, number>();

  /** The job of each model that was accepted last. */
  readonly latest = new Map<string, string>();

  private readonly waiting = new Map<string, Waiting[]>();
  /** Flushes under way, by model. */
  private readonly flushing = new Map<string, number>();
  private readonly turns = new Map<string, Turns>();

  constructor(
    private readonly store: JobStore,
    private readonly queues: PredictQueues,
    private readonly openTurns: (model: string) => Turns,
    private readonly payloads: Payloads,
    private readonly replication: Replication,
  ) {}

  /**
   * Resolves when the job is in Redis as durably as that Redis is configured, and a large input in its store.
   * @throws ProblemError `queue-unavailable` when these did not take it, or what its quota says: then it does
   *   not exist. `acceptance-unknown` where no answer came: then it is taken back, unless it has started by then.
   */
  submit(job: Submission): Promise<void> {
    return this.payloads.isLarge(job.input) ? this.submitApart(job) : this.queueUp(job);
  }

  /** The input first: a worker may look for it as soon as there is a record. */
  private async submitApart(job: Submission): Promise<void> {
    const spec = { ...job.spec, inputApart: true };
    try {
      await this.payloads.putInput(spec.id, job.input);
    } catch (cause) {
      if (job.mayExist !== true) void this.discard(spec.model, [{ spec }]);
      throw unavailable(cause);
    }
    await this.queueUp({ ...job, spec, input: '' });
  }

  private queueUp(job: Submission): Promise<void> {
    const { model } = job.spec;
    return new Promise((accepted, refused) => {
      const line = this.waiting.get(model) ?? [];
      const by = job.mayExist ? randomUUID() : undefined;
      line.push({ ...job, by, accepted, refused });
      this.waiting.set(model, line);
      // Requests that arrive in the same turn of the event loop join the first flush.
      if (line.length === 1) setImmediate(() => void this.flushNext(model));
    });
  }

  private async flushNext(model: string): Promise<void> {
    const underWay = this.flushing.get(model) ?? 0;
    const line = this.waiting.get(model);
    if (!line || underWay >= MAX_FLUSHES) return;
    this.flushing.set(model, underWay + 1);
    const batch = line.splice(0, MAX_FLUSH);
    if (line.length === 0) this.waiting.delete(model);
    else void this.flushNext(model);
    await this.flush(model, batch);
    this.flushing.set(model, (this.flushing.get(model) ?? 1) - 1);
    await this.flushNext(model);
  }

  /** Records leave before the BullMQ jobs, as a worker drops a job without one; no answer is awaited. */
  private async flush(model: string, batch: readonly Waiting[]): Promise<void> {
    const turns = this.turnsOf(model);
    const { halved } = turns;
    const numbers = turns.take(batch.map(turnTaker));
    const jobs = batch.map((job, i) => ({ ...job, turn: numbers[i] ?? 0, most: job.quota?.most }));
    try {
      const bundles = await this.send(model, jobs);
      void this.settle(model, bundles, halved);
    } catch (problem) {
      // A BullMQ job whose record is gone is dropped by the worker that takes it.
      void this.discard(model, batch);
      for (const { refused } of batch) refused(problem as ProblemError);
    }
  }

  private async send(model: string, jobs: readonly InTurn[]): Promise<Bundle[]> {
    const created = this.store
      .create(model, jobs)
      .then((answer) => this.refuseSome(model, jobs, answer));
    try {
      return await this.sendWith(created, model, jobs);
    } catch (cause) {
      // Without a record nothing comes of a BullMQ job; with one a worker may have it already.
      const mayExist = await created.then(() => true, mayHaveArrived);
      throw mayExist ? unknown(cause) : unavailable(cause);
    }
  }

  private async sendWith(
    created: Promise<readonly InTurn[]>,
    model: string,
    jobs: readonly InTurn[],
  ): Promise<Bundle[]> {
    // Those that are refused had better not fill the queue, although a worker would drop them.
    const sent = jobs.some(isNearQuota) ? await created : jobs;
    const bundles = bundlesOf(
      sent.map((job) => ({
        message: messageOf(job, job.turn),
        // One that may be queued already travels alone: BullMQ knows it by its id then, and takes it once.
        bundleRows: job.mayExist ? 1 : job.bundleRows,
      })),
    );
    // The first failure settles it: a queue that is first opened while Redis is away waits for it.
    const [taken] = await Promise.all([
      created,
      bundles.length > 0 && this.queues.addInTurn(model, bundles),
    ]);
    await this.replication.reached(model);
    for (const { accepted } of taken) accepted();
    const last = taken.at(-1);
    if (last) this.latest.set(model, last.spec.id);
    return bundles;
  }

  /** @returns the others. */
  private refuseSome<T extends Waiting>(
    model: string,
    jobs: readonly T[],
    { depth, refused }: Created,
  ): readonly T[] {
    this.depths.set(model, depth);
    if (refused.size === 0) return jobs;
    const out = jobs.filter((_, i) => refused.has(i));
    for (const job of out) job.refused(job.quota?.refuse() ?? new Error('no room was asked for'));
    const apart = out.filter(({ spec }) => spec.inputApart);
    if (apart.length > 0) void this.discard(model, apart);
    return jobs.filter((_, i) => !refused.has(i));
  }

  /**
   * Puts an ended job back into the queue, as its next attempt.
   * @param record as it was read. @returns false where it has changed since.
   */
  async retry(record: JobRecord, bundleRows: number): Promise<boolean> {
    const { spec, history } = record;
    const turns = this.turnsOf(spec.model);
    const { halved } = turns;
    const [turn = 0] = turns.take([turnTaker({ spec, bundleRows })]);
    const message = {
      ...messageOf({ spec }, turn),
      attempt: history.length + 2,
      startBy: startBy(spec, clock.now()),
    };
    const bundles = [{ jobs: [message] }];
    // Both leave together. A BullMQ job whose record is not queued is dropped by the worker that takes it.
    const [queued] = await Promise.all([
      this.store.retry(record, turn),
      this.queues.addInTurn(spec.model, bundles),
    ]);
    await this.replication.reached(spec.model);
    void this.settle(spec.model, bundles, halved);
    return queued;
  }

  /** Where all turns were halved after these were taken, they count twice as late as they should. */
  private async settle(model: string, bundles: readonly Bundle[], halved: number): Promise<void> {
    const turns = this.turnsOf(model);
    await turns.sync();
    const times = turns.halved - halved;
    if (times <= 0) return;
    const right = (turn: number) => Math.max(1, Math.floor(turn / 2 ** times));
    await this.queues.changeTurns(
      model,
      new Map(bundles.map((b) => [b, right(b.jobs[0]?.turn ?? 0)])),
    );
    const jobs = bundles.flatMap((bundle) => bundle.jobs);
    await this.store.changeTurns(model, new Map(jobs.map(({ id, turn }) => [id, right(turn)])));
  }

  private turnsOf(model: string): Turns {
    let turns = this.turns.get(model);
    if (!turns) {
      turns = this.openTurns(model);
      this.turns.set(model, turns);
    }
    return turns;
  }

  /** Records and inputs that were written, but whose acceptance nobody heard of, must not stay for good. */
  private async discard(model: string, jobs: readonly GivenUp[]): Promise<void> {
    for (const delayMs of DISCARD_DELAYS_MS) {
      try {
        const gone = await this.store.discard(model, jobs);
        const inputs = jobs.filter((job, i) => gone[i] && isInputSpare(job));
        if (inputs.length > 0) await this.payloads.deleteInputs(inputs.map(({ spec }) => spec));
        return;
      } catch {
        // Redis, or the store, is still away.
        await sleep(delayMs, undefined, { ref: false });
      }
    }
  }
}

/** What other flushes, of this process and of others, have under way may be counted by then. */
function isNearQuota({ quota }: Submission): boolean {
  return quota !== undefined && quota.room < NEAR_QUOTA;
}

/** Of a job that is given up. One that may be submitted again meanwhile needs its input. */
function isInputSpare({ spec, mayExist }: GivenUp): boolean {
  return spec.inputApart === true && !mayExist;
}

function unavailable(cause: unknown): ProblemError {
  const detail = 'The job was not accepted. Send the same request again in a moment.';
  return new ProblemError('queue-unavailable', detail, { retryAfterS: 2, cause });
}

function unknown(cause: unknown): ProblemError {
  const detail =
    'The job may have been accepted. Send the same request again in a moment: ' +
    'with the Idempotency-Key that it had, no second job comes of it.';
  return new ProblemError('acceptance-unknown', detail, { retryAfterS: 2, cause });
}

function turnTaker({ spec, bundleRows }: Pick<Submission, 'spec' | 'bundleRows'>): TurnTaker {
  const { owner, priority = 'normal', count } = spec;
  return { owner, priority, batches: count / bundleRows };
}
