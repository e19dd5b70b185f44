import type { RunSample } from '../runner/protocol.js';

/** What an observation still weighs after the next one: about the last fifty count. */
const FADE = 0.98;
/** A run that takes longer than expected by more than this counts for so much: a stall is no trend. */
const MAX_SURPRISE = 4;

interface Sums {
  weight: number;
  rows: number;
  rowsSquared: number;
  ms: number;
  rowsMs: number;
}

const NOTHING: Sums = { weight: 0, rows: 0, rowsSquared: 0, ms: 0, rowsMs: 0 };

/**
 * Time of a batch of n rows as `t(n) = a·n + b`, fitted by least squares to what was seen, the older the
 * less; the idea is BentoML's. The warm-up's runs stay in the fit, so that a time in which all batches
 * are equally large does not make it forget what a row costs.
 */
export class CostModel {
  private readonly seed: Sums = { ...NOTHING };
  private seen: Sums = { ...NOTHING };
  private perRowMs = 0;
  private perRunMs = 0;

  /** @param samples from the warm-up. */
  constructor(samples: readonly RunSample[]) {
    for (const { rows, ms } of samples) add(this.seed, rows, ms);
    this.fit();
  }

  observe(rows: number, ms: number): void {
    const expected = this.predictMs(rows);
    const surprise = expected === 0 ? ms : Math.min(ms, MAX_SURPRISE * expected);
    const { weight, rows: n, rowsSquared, ms: t, rowsMs } = this.seen;
    this.seen = {
      weight: weight * FADE,
      rows: n * FADE,
      rowsSquared: rowsSquared * FADE,
      ms: t * FADE,
      rowsMs: rowsMs * FADE,
    };
    add(this.seen, rows, surprise);
    this.fit();
  }

  /** 0 while nothing is known. */
  predictMs(rows: number): number {
    return this.perRowMs * rows + this.perRunMs;
  }

  /** `b`: what a job saves by joining a batch instead of being one of its own. */
  get overheadMs(): number {
    return this.perRunMs;
  }

  private fit(): void {
    const weight = this.seed.weight + this.seen.weight;
    const rows = this.seed.rows + this.seen.rows;
    const ms = this.seed.ms + this.seen.ms;
    if (rows === 0) return;
    const spread = weight * (this.seed.rowsSquared + this.seen.rowsSquared) - rows * rows;
    const slope = (weight * (this.seed.rowsMs + this.seen.rowsMs) - rows * ms) / spread;
    // Batches of one size alone cannot tell a row's cost from a run's: then it is all the rows'.
    const perRow = spread > 1e-6 * rows * rows ? slope : ms / rows;
    this.perRowMs = Math.max(0, Math.min(perRow, ms / rows));
    this.perRunMs = Math.max(0, (ms - this.perRowMs * rows) / weight);
  }
}

function add(sums: Sums, rows: number, ms: number): void {
  sums.weight += 1;
  sums.rows += rows;
  sums.rowsSquared += rows * rows;
  sums.ms += ms;
  sums.rowsMs += rows * ms;
}
