import { setTimeout as delay } from 'node:timers/promises';
import { PlainError } from '../../../scripts/lib/plain-error.mjs';
import { nowMs } from './numbers.mjs';

const POLL_MS = 50;
const STALL_MS = 60_000;

/**
 * @typedef {object} Sample
 * @property {number} atMs since 1970
 * @property {number} ended jobs by then
 */

/**
 * Waits until so many jobs are published, or so many of what else is counted.
 *
 * @param {() => Promise<number>} ended
 * @param {number} target as `ended` counts
 * @param {string} [what] is counted
 * @returns {Promise<Sample[]>} what was seen on the way; the last one has reached the target
 * @throws {PlainError} nothing has come for a minute
 */
export async function untilPublished(ended, target, what = 'jobs') {
  /** @type {Sample[]} */
  const samples = [];
  let best = -1;
  let bestAt = nowMs();
  for (;;) {
    const sample = { ended: await ended(), atMs: nowMs() };
    samples.push(sample);
    if (sample.ended >= target) return samples;
    if (sample.ended > best) [best, bestAt] = [sample.ended, sample.atMs];
    if (sample.atMs - bestAt > STALL_MS)
      throw new PlainError(
        `${target - best} of the ${what} are missing, and none has come for a minute`,
      );
    await delay(POLL_MS);
  }
}

/**
 * The rate at which a queue that never ran empty was worked off: of the middle of the jobs, without its beginning and its end.
 *
 * @param {readonly Sample[]} samples
 * @param {number} from jobs that had ended before
 * @param {number} to jobs that had ended after
 * @returns {number} jobs/s
 */
export function drainRate(samples, from, to) {
  const tenth = (to - from) / 10;
  const middle = samples.filter((s) => s.ended >= from + tenth && s.ended <= to - tenth);
  const [first, last] = [middle[0], middle.at(-1)];
  if (!first || !last || first === last) return NaN;
  return ((last.ended - first.ended) / (last.atMs - first.atMs)) * 1000;
}
