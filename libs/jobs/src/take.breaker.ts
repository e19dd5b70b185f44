import type { Worker } from 'bullmq';

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1000;

type Taking = Pick<Worker, 'on' | 'pause' | 'resume'>;

/**
 * Keeps a BullMQ worker from asking again at once, thousands of times a second, while Redis refuses to
 * give it jobs, as it is full or read-only: it pauses, and after a while asks once more. BullMQ itself
 * waits only where there is no connection.
 */
export class TakeBreaker {
  private pauseMs = FIRST_PAUSE_MS;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly worker: Taking) {
    worker.on('error', (error) => {
      if (error.name === 'ReplyError') this.open();
    });
    // It was told a job, or that there is none.
    for (const event of ['active', 'drained'] as const) {
      worker.on(event, () => (this.pauseMs = FIRST_PAUSE_MS));
    }
  }

  /** It takes no more from now on. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.worker.pause(true);
  }

  private open(): void {
    if (this.timer || this.stopped) return;
    void this.worker.pause(true);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.worker.resume();
    }, this.pauseMs).unref();
    this.pauseMs = Math.min(2 * this.pauseMs, MAX_PAUSE_MS);
  }
}
