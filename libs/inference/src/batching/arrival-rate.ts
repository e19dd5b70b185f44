/** How much of the average a new gap makes. */
const NEWEST = 0.1;

/** Expects the next arrival from the gaps between the last ones, exponentially averaged. */
export class ArrivalRate {
  private gapMs = Infinity;
  private lastMs = -Infinity;

  arrived(nowMs: number): void {
    const gap = nowMs - this.lastMs;
    this.lastMs = nowMs;
    this.gapMs = Number.isFinite(this.gapMs) ? this.gapMs + NEWEST * (gap - this.gapMs) : gap;
  }

  /** Never less than the silence so far: traffic that has stopped is not expected to go on. */
  expectedGapMs(nowMs: number): number {
    return Math.max(this.gapMs, nowMs - this.lastMs);
  }

  /** When the silence alone makes the expected gap so long. */
  silentUntil(gapMs: number): number {
    return this.lastMs + gapMs;
  }
}
