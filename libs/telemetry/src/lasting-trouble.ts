import type { Logger } from '@nestjs/common';

/** Of trouble that lasts, a line comes so often. */
const REMINDER_MS = 10_000;
/** What comes and goes is told no more often than this. */
const LEAST_MS = 1000;

/**
 * Tells the log of what fails again and again, as while Redis is away: at once, and then every ten seconds
 * with how often it was met, until something has worked. An outage makes a few lines, whatever the load.
 */
export class LastingTrouble {
  private isLasting = false;
  private toldAt = -Infinity;
  private times = 0;

  constructor(
    private readonly logger: Pick<Logger, 'warn' | 'error'>,
    private readonly level: 'warn' | 'error' = 'warn',
  ) {}

  met(err: unknown, message: string): void {
    this.times++;
    const now = performance.now();
    const isNews = now - this.toldAt >= (this.isLasting ? REMINDER_MS : LEAST_MS);
    this.isLasting = true;
    if (!isNews) return;
    const line = this.times === 1 ? { err } : { err, times: this.times };
    this.logger[this.level](line, message);
    this.toldAt = now;
    this.times = 0;
  }

  /** The next one is told again. */
  isOver(): void {
    this.isLasting = false;
  }
}
