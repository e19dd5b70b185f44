import type { RunSample } from './protocol.js';

/** A size that nobody asked for is tried only if it should take no longer. */
const MAX_EXTRA_MS = 500;
/** Runs of each size after its first one: at least one, more while they are so cheap in all. */
const MAX_REPEATS = 10;
const MAX_REPEATS_MS = 20;

export interface WarmUpOptions {
  /** Most rows of a run. */
  maxRows: number;
  /** Those that the manifest names. */
  batchSizes: readonly number[];
  /** Runs so many rows. @returns how long the graph took. */
  run: (rows: number) => Promise<number>;
  /** Whether a size is passed over when its run has failed so. */
  mayFail: (error: unknown, rows: number) => boolean;
}

/**
 * Runs one row, two, the sizes that the manifest names, and the largest that is cheap enough, so that
 * the first caller does not pay for lazy initialisation.
 * @returns the quickest run of each size, its first left out: that pays for what is done only once.
 */
export async function warmUp(options: WarmUpOptions): Promise<RunSample[]> {
  const { maxRows, batchSizes, run, mayFail } = options;
  const quickest = new Map<number, number>();
  const measure = async (rows: number): Promise<void> => {
    try {
      await run(rows);
      let ms = await run(rows);
      for (let i = 1, spent = ms; i < MAX_REPEATS && spent < MAX_REPEATS_MS; i++) {
        const again = await run(rows);
        spent += again;
        ms = Math.min(ms, again);
      }
      quickest.set(rows, ms);
    } catch (error) {
      if (!mayFail(error, rows)) throw error;
    }
  };
  const asked = [1, 2, ...batchSizes].filter((size) => size <= maxRows);
  const sizes = [...new Set(asked)].sort((a, b) => a - b);
  // The smallest size once more: its first turn pays for what V8 has not compiled yet.
  for (const rows of [...sizes.slice(0, 1), ...sizes]) await measure(rows);
  const [largest, took] = [...quickest].at(-1) ?? [0, 0];
  if (took > 0) {
    const extra = Math.min(maxRows, Math.floor((MAX_EXTRA_MS / took) * largest));
    if (extra > largest) await measure(extra);
  }
  return [...quickest].map(([rows, ms]) => ({ rows, ms }));
}
