import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
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
    this.rounds.setTo(Date.now());
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
      const models = await this.index.models();
      for (const model of models) this.expectAt(model, Date.now());
      await Promise.all(models.map((model) => this.bury(model)));
    });
    this.rounds.setTo(Date.now() + ROUND_MS);
  }

  private async expire(model: string): Promise<void> {
    const { ids, next } = await this.index.due(model, Date.now(), BATCH);
    if (ids.length > 0) {
      const specs = (await this.store.findMany(ids)).flatMap((record) => record?.spec ?? []);
      const ended = await this.store.expire(model, specs);
      this.tell(specs.filter((_, i) => ended[i]));
    }
    if (next !== null) this.expectAt(model, next);
  }

  private async bury(model: string): Promise<void> {
    let jobs: OverJob[];
    do {
      const nowMs = Date.now();
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
