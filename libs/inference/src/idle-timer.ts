/** Calls `onIdle` when nothing has been used for a while. */
export class IdleTimer {
  /** Of `performance.now()`. */
  lastUsedMs = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private delayMs: number;

  /** @param afterS 0: never. */
  constructor(
    afterS: number,
    private readonly onIdle: () => void,
  ) {
    this.delayMs = afterS * 1000;
  }

  set afterS(afterS: number) {
    if (afterS * 1000 === this.delayMs) return;
    this.delayMs = afterS * 1000;
    this.stop();
    this.used();
  }

  used(): void {
    this.lastUsedMs = performance.now();
    if (this.delayMs === 0) return;
    if (this.timer) this.timer.refresh();
    else this.timer = setTimeout(this.onIdle, this.delayMs).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
