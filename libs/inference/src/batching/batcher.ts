/** A job in a batcher. */
export interface BatchItem {
  /** Rows it adds to a batch. */
  rows: number;
  /** Size of its input. */
  bytes: number;
  /** Must have the runner to itself: it was there when a runner died. */
  solo: boolean;
}

export interface BatcherOptions<T extends BatchItem> {
  /** Most rows of a batch. A job with more rows is a batch of its own. */
  maxRows: number;
  /** Most input bytes of a batch, so that a batch of large inputs fits in memory. */
  maxBytes: number;
  /** Longest that a job waits for company while the runner is busy anyway. */
  maxDelayMs: number;
  /** Batches under way at once: two, so that the runner never idles between them. */
  slots: number;
  /** Runs a batch. Must not reject. */
  execute: (batch: T[], reason: FiringReason) => Promise<void>;
}

/** Why a batch went: nothing was running, it was full, its oldest job had waited, or it runs alone. */
export type FiringReason = 'idle' | 'full' | 'delay' | 'solo';

/**
 * Puts jobs of many callers together. Work-conserving: a job never waits while the runner is idle;
 * while it is busy, jobs gather behind it until they fill a batch or the oldest has waited enough.
 */
export class Batcher<T extends BatchItem> {
  private readonly waiting: { item: T; since: number }[] = [];
  private waitingRows = 0;
  private readonly solo: T[] = [];
  private inFlight = 0;
  private soloInFlight = false;
  private timer: NodeJS.Timeout | undefined;
  private open = true;

  constructor(private readonly options: BatcherOptions<T>) {}

  /** What the graph turned out to bear. */
  set maxRows(rows: number) {
    this.options.maxRows = rows;
  }

  /** @returns false where the batcher is closed and has not taken the item. */
  add(item: T): boolean {
    if (!this.open) return false;
    if (item.solo) this.solo.push(item);
    else {
      this.waiting.push({ item, since: performance.now() });
      this.waitingRows += item.rows;
    }
    this.pump();
    return true;
  }

  /** Takes nothing more. @returns the items that were not started; batches under way go on. */
  close(): T[] {
    this.open = false;
    clearTimeout(this.timer);
    this.waitingRows = 0;
    return [...this.solo.splice(0), ...this.waiting.splice(0).map(({ item }) => item)];
  }

  private pump(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.waiting.length > 0 && this.solo.length === 0 && !this.soloInFlight) {
      const reason = this.reasonToFire();
      if (!reason) return;
      this.fire(this.takeBatch(), reason);
    }
    // A suspect runs alone, so that what happens next is its own doing and harms nobody else.
    const suspect = this.inFlight === 0 ? this.solo.shift() : undefined;
    if (suspect) {
      this.soloInFlight = true;
      this.fire([suspect], 'solo');
    }
  }

  private reasonToFire(): FiringReason | null {
    if (this.inFlight === 0) return 'idle';
    if (this.inFlight >= this.options.slots) return null;
    if (this.waitingRows >= this.options.maxRows) return 'full';
    const waited = performance.now() - (this.waiting[0]?.since ?? 0);
    const left = this.options.maxDelayMs - waited;
    if (left <= 0) return 'delay';
    this.timer = setTimeout(() => {
      this.pump();
    }, left);
    return null;
  }

  private takeBatch(): T[] {
    const { maxRows, maxBytes } = this.options;
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const { item } of this.waiting) {
      const tooMuch = rows + item.rows > maxRows || bytes + item.bytes > maxBytes;
      if (count > 0 && tooMuch) break;
      rows += item.rows;
      bytes += item.bytes;
      count++;
    }
    this.waitingRows -= rows;
    return this.waiting.splice(0, count).map(({ item }) => item);
  }

  private fire(batch: T[], reason: FiringReason): void {
    this.inFlight++;
    void this.options.execute(batch, reason).finally(() => {
      this.inFlight--;
      if (reason === 'solo') this.soloInFlight = false;
      if (this.open) this.pump();
    });
  }
}
