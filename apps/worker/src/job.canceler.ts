import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { JobStore } from '#libs/jobs';
import { JobExits } from './job.exits.js';
import { RecentIds } from './recent-ids.js';
import type { WorkerJob } from './worker-job.js';

/** Canceled jobs that may still be in a queue; of older ones it costs their computing. */
const MAX_REMEMBERED = 100_000;

/**
 * Drops jobs that are canceled: those that this worker holds when it hears of it, and those that it takes
 * afterwards. The records decide, as a job may have been retried since. A message that is lost costs
 * computing only: what is computed of a canceled job cannot be published.
 */
@Injectable()
export class JobCanceler implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Cancel');
  private readonly held = new Map<string, WorkerJob>();
  private readonly recent = new RecentIds(MAX_REMEMBERED);
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly store: JobStore,
    private readonly exits: JobExits,
  ) {}

  async onModuleInit(): Promise<void> {
    this.unsubscribe = await this.store.onCanceled((ids) => {
      this.heard(ids).catch((err: unknown) => {
        this.logger.warn({ err, jobs: ids.length }, 'canceled jobs not looked up');
      });
    });
  }

  onApplicationShutdown(): void {
    this.unsubscribe();
  }

  hold(job: WorkerJob): void {
    this.held.set(job.id, job);
  }

  release(job: WorkerJob): void {
    if (this.held.get(job.id) === job) this.held.delete(job.id);
  }

  /** Whether this worker has heard that it was canceled; it may have been retried since. */
  mayBeCanceled({ id }: WorkerJob): boolean {
    return this.recent.has(id);
  }

  /** Drops a job that is canceled. */
  async check(job: WorkerJob): Promise<void> {
    const record = await this.store.find(job.id);
    if (record?.status === 'canceled') this.exits.leave(job, 'canceled');
  }

  private async heard(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.recent.add(id);
    const held = ids.flatMap((id) => this.held.get(id) ?? []);
    const records = await this.store.findMany(held.map(({ id }) => id));
    held.forEach((job, i) => {
      if (records[i]?.status === 'canceled') this.exits.leave(job, 'canceled');
    });
  }
}
