import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { clock } from '#libs/clock';
import { AlarmClock, JobIndex, type JobSpec, JobStore, type OverJob, Payloads } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';

/** No deadline that another process has heard of is missed by more. */
const ROUND_MS = 1000;
/** Jobs that are ended or buried at a time, so that Redis is never busy with them for long. */
const BATCH = 200;

/**
 * Ends the jobs that were not started in time, and buries those whose time is over. Every api does so;
 * each job is still ended once, as its record decides.
 */
@Injectable()
export class Timekeeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Timekeeper');
  /** By model: when a job of it may be due. */
  private readonly clocks = new Map<string, AlarmClock>();
  private readonly rounds = new AlarmClock(() => this.round());
  private stopped = false;
  private readonly trouble = new LastingTrouble(this.logger);

  constructor(
    private readonly index: JobIndex,
    private readonly store: JobStore,
    private readonly payloads: Payloads,
  ) {}

  onApplicationBootstrap(): void {
    this.rounds.setTo(clock.now());
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    await Promise.all([this.rounds, ...this.clocks.values()].map((clock) => clock.stop()));
  }

  /** A job of the model is due at `ms` (since the epoch) unless it has started by then. */
  expectAt(model: string, ms: number): void {
    if (this.stopped) return;
    let clock = this.clocks.get(model);
    if (!clock) {
      clock = new AlarmClock(() => this.survive(() => this.expire(model)));
      this.clocks.set(model, clock);
    }
    clock.setTo(ms);
  }

  private async round(): Promise<void> {
    await this.survive(async () => {
      await this.store.registerAgain();
      const models = await this.index.models();
      for (const model of models) this.expectAt(model, clock.now());
      await Promise.all(models.map((model) => this.bury(model)));
    });
    this.rounds.setTo(clock.now() + ROUND_MS);
  }

  private async expire(model: string): Promise<void> {
    const { ids, next } = await this.index.due(model, clock.now(), BATCH);
    if (ids.length > 0) {
      const specs = (await this.store.findMany(ids)).map((record) => record?.spec);
      // Of one without a record, the deadline goes.
      const jobs = ids.map((id, i) => specs[i] ?? { id, resultTtlS: 0 });
      const ended = await this.store.expire(model, jobs);
      this.tell(specs.flatMap((spec, i) => (spec && ended[i] ? [spec] : [])));
    }
    if (next !== null) this.expectAt(model, next);
  }

  private async bury(model: string): Promise<void> {
    let jobs: OverJob[];
    do {
      const nowMs = clock.now();
      jobs = await this.index.over(model, nowMs, BATCH);
      const small = jobs.filter((job) => !isApart(job));
      if (small.length > 0) await this.index.bury(model, nowMs, small);
      const large = jobs.filter(isApart);
      if (large.length > 0) {
        // Before the records, which say that there is something to delete.
        await this.payloads.deleteAll(large);
        await this.index.bury(model, nowMs, large);
      }
    } while (jobs.length === BATCH && !this.stopped);
  }

  private tell(expired: readonly JobSpec[]): void {
    for (const { id, requestId, model, version } of expired) {
      this.logger.warn({ job_id: id, request_id: requestId, model, version }, 'job expired');
    }
  }

  /** While Redis is away, the next round finds what this one has left. */
  private async survive(task: () => Promise<void>): Promise<void> {
    try {
      await task();
      this.trouble.isOver();
    } catch (err) {
      this.trouble.met(err, 'deadlines not looked at');
    }
  }
}

/** Something of it was stored apart from its record. */
function isApart({ spec, stored }: OverJob): boolean {
  return spec?.inputApart === true || stored !== null;
}
