/**
 * The time that all processes of an installation share, whatever the clocks of their machines say. Deadlines, expiries
 * and due times are set by one process and judged by others; were each to go by its own machine, one that is a minute
 * off would end, bury or send what is not due. Between two times that it hears it goes by a clock that nobody sets.
 */
export class SharedClock {
  /** What `performance.now()` lacks; undefined: nobody has told the time yet, and this machine's counts. */
  private offsetMs: number | undefined;

  /** Whole milliseconds since the epoch. */
  now(): number {
    return this.offsetMs === undefined ? Date.now() : Math.floor(performance.now() + this.offsetMs);
  }

  /**
   * Takes over a time that was told. It was so at some moment between the question and the answer: as long as the own
   * one is possible by that, it stays; else it moves no further than it must.
   * @param toldMs since the epoch. @param askedMs, heardMs of `performance.now()`.
   */
  hear(toldMs: number, askedMs: number, heardMs: number): void {
    const assumedMs = this.offsetMs ?? Date.now() - performance.now();
    this.offsetMs = Math.min(Math.max(assumedMs, toldMs - heardMs), toldMs - askedMs);
  }
}

/** Of this process. */
export const clock = new SharedClock();
