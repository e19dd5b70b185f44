import { isDeepStrictEqual } from 'node:util';
import type { VersionDescription } from '#libs/contracts';
import type { Loaded } from './runner/protocol.js';

/** Work of one message to a runner that runs instances singly: company saves it nothing but messages. */
const SINGLY_MS = 10;
const DEFAULT_ROWS = 64;

/** Whether a changed manifest takes new runners; batching and lifecycle can be changed in place. */
export function needsReload(before: VersionDescription, after: VersionDescription): boolean {
  return !isDeepStrictEqual(fixedPart(before), fixedPart(after));
}

function fixedPart(description: VersionDescription): object {
  const { input, output, processor, batching, instances, threads, drift } = description;
  const singly = batching.max_batch_size === 0;
  const counted = drift && [drift.reference, drift.low_confidence];
  const { padding } = batching;
  return { input, output, processor, padding, singly, instances, threads, counted };
}

/** Most rows of a message to a runner. @param maxBatchSize as the manifest says. */
export function messageRows(loaded: Loaded, maxBatchSize: number): number {
  if (loaded.slots !== undefined) return 1;
  const most = maxBatchSize === 0 ? DEFAULT_ROWS : maxBatchSize;
  if (loaded.rowsPerRun !== 1) return Math.min(most, loaded.rowsPerRun ?? Infinity);
  const ms = loaded.samples.find(({ rows }) => rows === 1)?.ms ?? SINGLY_MS;
  return Math.max(1, Math.min(most, Math.floor(SINGLY_MS / ms)));
}
