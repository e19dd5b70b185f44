import { clock } from '#libs/clock';

/** The longest that a timer of Node.js can be set to; beyond it would go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Strikes at the earliest of the times it is set to, and never again while it still strikes. It may
 * strike too early, never too late: whoever hears it looks what time it is, and sets it again.
 */
export class AlarmClock {
  private at = Infinity;
  private timer: NodeJS.Timeout | undefined;
  private striking: Promise<void> | undefined;

  /** @param strike must not reject. */
  constructor(private readonly strike: () => Promise<void>) {}

  /** @param ms since the epoch. */
  setTo(ms: number): void {
    if (ms >= this.at) return;
    this.at = ms;
    this.wind();
  }

  /** Resolves when it strikes no more. */
  async stop(): Promise<void> {
    this.at = -Infinity;
    clearTimeout(this.timer);
    await this.striking;
  }

  private wind(): void {
    clearTimeout(this.timer);
    if (this.striking || !Number.isFinite(this.at)) return;
    const ms = Math.min(Math.max(this.at - clock.now(), 0), MAX_TIMER_MS);
    this.timer = setTimeout(() => {
      this.at = Infinity;
      this.striking = this.strike().finally(() => {
        this.striking = undefined;
        this.wind();
      });
    }, ms);
  }
}
