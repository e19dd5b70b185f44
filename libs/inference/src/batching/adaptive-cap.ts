/**
 * Most rows of a batch: halved when memory ran out, and a row more for every batch that filled it and
 * went well, up to what is configured (additive increase, multiplicative decrease, as TCP does).
 */
export class AdaptiveCap {
  private current: number;

  constructor(private max: number) {
    this.current = max;
  }

  get rows(): number {
    return this.current;
  }

  /** A new limit, such as an operator's. */
  set limit(max: number) {
    this.current = this.current === this.max ? max : Math.min(this.current, max);
    this.max = max;
  }

  succeeded(rows: number): void {
    if (rows >= this.current && this.current < this.max) this.current++;
  }

  /** @param rows of the batch that memory did not suffice for. */
  ranOutOfMemory(rows: number): void {
    this.current = Math.max(1, Math.min(this.current, rows >>> 1));
  }
}
