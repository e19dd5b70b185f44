import { hash } from 'node:crypto';
import type { VersionDescription } from '#libs/contracts';

/** Characters of a digest in base64url that are kept: 132 bits. */
const LENGTH = 22;

/**
 * What the answers of a version follow from, as a digest: its files, what its manifest says of them, and this
 * build. Left out of the manifest is what is known to change no answer, such as batching and texts to show, so
 * that a field that is added counts until somebody says otherwise.
 * @param sha256 of its files, see `digestOf`. @param build of Foretell: another one may answer otherwise.
 * @returns 22 letters, digits, `-` and `_`.
 */
export function contentOf(description: VersionDescription, sha256: string, build: string): string {
  const { batching } = description;
  const counts = Object.entries(description).filter(([name]) => !LEAVES_ANSWERS_ALONE.has(name));
  // Whether the graph has a dimension for the batch, and what instances are filled up with.
  const shaped = [batching.max_batch_size === 0, batching.padding];
  const text = JSON.stringify([build, sha256, shaped, counts]);
  return hash('sha256', text, 'base64url').slice(0, LENGTH);
}

const LEAVES_ANSWERS_ALONE: ReadonlySet<string> = new Set<keyof VersionDescription>([
  'description',
  'batching',
  'warmup',
  'instances',
  'threads',
  'lifecycle',
  'defaults',
  'cache_ttl_s',
  'cache_shared',
  'cache_max_entries',
  'held_out',
  'card',
  'drift',
  'tensors',
]);
