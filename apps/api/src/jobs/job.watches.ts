import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { JobNews } from '#libs/jobs';
import { JobWatch } from './job.watch.js';

/** The watches of all requests that wait for jobs; they end when this process is to stop. */
@Injectable()
export class JobWatches implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly open = new Set<JobWatch>();
  private stopping = false;

  constructor(private readonly news: JobNews) {}

  /** Whether this process is to stop: connections had better not be kept for more requests. */
  get isStopping(): boolean {
    return this.stopping;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.news.open();
  }

  /** Before the server is closed, as that takes until the last answer is out. */
  onModuleDestroy(): void {
    this.stopping = true;
    for (const watch of this.open) watch.stop();
  }

  /**
   * Watches a job until `hangUp` aborts, or whoever asked for it ends it. Look at the record after this,
   * not before, and nothing is missed.
   */
  start(id: string, hangUp: AbortSignal): JobWatch {
    const watch: JobWatch = new JobWatch(() => {
      this.open.delete(watch);
      unwatch();
    });
    const unwatch = this.news.watch(id, () => {
      watch.ring();
    });
    this.open.add(watch);
    if (this.stopping || hangUp.aborted) watch.end();
    else {
      hangUp.addEventListener('abort', () => {
        watch.end();
      });
    }
    return watch;
  }
}
