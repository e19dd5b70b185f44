import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { clock } from '#libs/clock';
import { AlarmClock, JobIndex, StrayJobs } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { ApiMetrics } from '../api.metrics.js';

/** A stray is put back after one to two rounds more. */
const ROUND_MS = 10_000;
/** Ids in a line of the log; the others are counted. */
const MOST_TOLD = 10;

/**
 * Puts jobs back into the queue that are open by their records but in no queue. Every api does so. Most candidates
 * have just been taken by a worker, and have ended a round later: only those that are candidates still are looked for.
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Reconciler');
  private readonly trouble = new LastingTrouble(this.logger);
  private readonly clock = new AlarmClock(() => this.round());
  /** The candidates of the last round, by model. */
  private readonly seen = new Map<string, ReadonlySet<string>>();

  constructor(
    private readonly index: JobIndex,
    private readonly strays: StrayJobs,
    private readonly metrics: ApiMetrics,
  ) {}

  onApplicationBootstrap(): void {
    this.clock.setTo(clock.now() + ROUND_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.clock.stop();
  }

  /** One look at the jobs of all models. Never rejects: while Redis is away, the next one does. */
  async round(): Promise<void> {
    try {
      for (const model of await this.index.models()) await this.look(model);
      this.trouble.isOver();
    } catch (err) {
      this.trouble.met(err, 'no look at jobs that are in no queue');
    }
    this.clock.setTo(clock.now() + ROUND_MS);
  }

  private async look(model: string): Promise<void> {
    const candidates = await this.strays.candidates(model);
    const before = this.seen.get(model);
    this.seen.set(model, new Set(candidates));
    const lasting = candidates.filter((id) => before?.has(id));
    if (lasting.length === 0) return;
    const ids = await this.strays.putBack(model, lasting);
    if (ids.length === 0) return;
    this.metrics.jobsPutBack(model, ids.length);
    const line = { model, jobs: ids.length, job_ids: ids.slice(0, MOST_TOLD) };
    this.logger.warn(line, 'jobs put back that were in no queue');
  }
}
