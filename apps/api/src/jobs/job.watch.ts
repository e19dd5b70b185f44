/** What one request hears of its job. */
export class JobWatch {
  /** Called where it ends because this process is to stop. */
  onStop: (() => void) | undefined;

  private hasNews = false;
  private over = false;
  private wake: (() => void) | undefined;

  constructor(private readonly onEnd: () => void) {}

  /** Nobody waits any more, or this process is to stop. */
  get isOver(): boolean {
    return this.over;
  }

  /** The job may have changed. Rung any number of times before somebody looks, it counts as once. */
  ring(): void {
    this.hasNews = true;
    this.wake?.();
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.onEnd();
    this.wake?.();
  }

  stop(): void {
    this.onStop?.();
    this.end();
  }

  /**
   * Resolves when there are news since this was last called, when the watch ends, or after so long.
   * @returns whether there are news.
   */
  async news(ms: number): Promise<boolean> {
    if (!this.hasNews && !this.over && ms > 0) await this.woken(ms);
    const { hasNews } = this;
    this.hasNews = false;
    return hasNews;
  }

  private woken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
