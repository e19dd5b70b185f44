import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { QueuedJobs, type Quota } from '#libs/jobs';
import { ModelCatalog } from '../models/model.catalog.js';
import { BackPressure } from './back.pressure.js';
import { Refusals } from './refusals.js';

/** Queued jobs of a caller, by model; null where no limit holds, or Redis did not tell. */
export type QueuedCounts = ReadonlyMap<string, number> | null;

/** What is waited for where nobody knows how long it takes. */
const UNKNOWN_WAIT_S = 5;

/** Whether another job may be queued. */
@Injectable()
export class Admission {
  private readonly maxQueued: number;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    private readonly queued: QueuedJobs,
    private readonly catalog: ModelCatalog,
    private readonly pressure: BackPressure,
    private readonly refusals: Refusals,
  ) {
    this.maxQueued = limits.MAX_QUEUED_JOBS;
  }

  /** @returns undefined where no limit holds. Never rejects. */
  count(owner: string): Promise<QueuedCounts> | undefined {
    if (this.maxQueued === 0) return undefined;
    const models = this.catalog.list().map(({ name }) => name);
    // What Redis does not tell now, it will not take a job either.
    return this.queued.of(owner, models).catch(() => null);
  }

  /**
   * Before the body is read.
   * @param model undefined: the body names it.
   * @throws ProblemError `overloaded` or `too-many-queued`.
   */
  checkEarly(counts: QueuedCounts, model: string | undefined): void {
    this.pressure.check(model);
    if (counts && sum(counts) >= this.maxQueued) throw this.tooMany(model);
  }

  /**
   * For a job that is not there yet.
   * @returns what the submission is to be held to: of other models as counted before, of its own exactly.
   * @throws ProblemError `overloaded` or `too-many-queued`.
   */
  admit(counts: QueuedCounts, model: string): Quota | undefined {
    this.checkEarly(counts, model);
    if (!counts) return undefined;
    const all = sum(counts);
    return {
      most: this.maxQueued - (all - (counts.get(model) ?? 0)),
      room: this.maxQueued - all,
      refuse: () => this.tooMany(model),
    };
  }

  private tooMany(model: string | undefined): Error {
    const detail = `Of your jobs, at most ${this.maxQueued} may be queued. Wait for some to start, or cancel some.`;
    const waitS = model === undefined ? 0 : this.pressure.estimatedWaitS(model);
    return this.refusals.refuse('too-many-queued', detail, waitS || UNKNOWN_WAIT_S);
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
