import { createHash } from 'node:crypto';
import type { JobSpec } from './record.js';

/** What the lists of a metadata pair are told apart by. */
export function labelDigest(key: string, value: string): string {
  // With its length, as `a=b`, `c` and `a`, `b=c` are two pairs.
  return createHash('sha1')
    .update(`${String(key.length)}:${key}=${value}`)
    .digest('hex');
}

/** Those of a job, with a space between two. */
export function labelsOf({ metadata }: JobSpec): string {
  return Object.entries(metadata)
    .map(([key, value]) => labelDigest(key, value))
    .join(' ');
}
