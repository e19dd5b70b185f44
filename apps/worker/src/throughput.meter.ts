/** The rate is that of about so much working time. */
const WINDOW_MS = 10_000;
/** What has been counted weighs at least so much after the next end: slow jobs are averaged as well. */
const MIN_FADE = 0.7;

/**
 * Jobs a second, of the time in which there was any: exponentially averaged, so that a quiet hour says
 * nothing of how fast the next job goes. Times are ms of any one clock.
 */
export class ThroughputMeter {
  private held = 0;
  private lookedAtMs = 0;
  /** Working time since the last end. */
  private gapMs = 0;
  private jobs = 0;
  private workedMs = 0;

  /** Jobs that were taken and have not left. */
  get inHand(): number {
    return this.held;
  }

  taken(nowMs: number): void {
    this.pass(nowMs);
    this.held++;
  }

  /** @param counts false for a job that went unfinished, or without having been worked on. */
  left(nowMs: number, counts: boolean): void {
    this.pass(nowMs);
    this.held--;
    if (!counts) return;
    const fade = Math.max(MIN_FADE, Math.exp(-this.gapMs / WINDOW_MS));
    this.jobs = this.jobs * fade + 1;
    this.workedMs = this.workedMs * fade + this.gapMs;
    this.gapMs = 0;
  }

  /** @returns undefined before anything can be said. */
  perSecond(nowMs: number): number | undefined {
    this.pass(nowMs);
    if (this.workedMs === 0) return undefined;
    // An end that is long overdue shows before it comes.
    const overdueMs = Math.max(0, this.gapMs - this.workedMs);
    return (1000 * this.jobs) / (this.workedMs + overdueMs);
  }

  private pass(nowMs: number): void {
    if (this.held > 0) this.gapMs += nowMs - this.lookedAtMs;
    this.lookedAtMs = nowMs;
  }
}
