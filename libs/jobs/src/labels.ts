import { createHash } from 'node:crypto';
import { laneOf } from './deliveries/delivery.js';
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

/** What the record says to the scripts of whom to call, see `moves.lua`. */
export function callbackOf({ owner, webhook }: JobSpec): string {
  if (!webhook || webhook.events.length === 0) return '';
  return [laneOf(owner, webhook.url), ...webhook.events].join(' ');
}
