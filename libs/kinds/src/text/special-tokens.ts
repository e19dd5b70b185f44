import { ManifestMismatch } from '../errors.js';
import type { TokenizerLibrary } from './tokenizer.library.js';

/** What stands where around one text or two: texts, and the ids of special tokens. */
export type Frame = readonly { put: 'first' | 'second' | number; typeId: number }[];

/** They go through a post-processor in place of texts; no vocabulary has them. */
const FIRST = '\0first';
const SECOND = '\0second';

/**
 * Asks a tokenizer once where its special tokens go, so that texts can be cut off before they are added.
 * @throws ManifestMismatch for a special token that the vocabulary does not have.
 */
export function frameOf(library: TokenizerLibrary, isPair: boolean): Frame {
  const made = library.post_processor?.post_process([FIRST], isPair ? [SECOND] : null, true);
  const { tokens, token_type_ids: typeIds } = made ?? { tokens: [FIRST] };
  const hasTypes = library.post_processor?.config.type !== 'RobertaProcessing';
  const frame = tokens.map((token, i) => ({
    put: token === FIRST ? 'first' : token === SECOND ? 'second' : idOf(library, token),
    typeId: hasTypes ? (typeIds?.[i] ?? 0) : 0,
  })) satisfies Frame;
  // Some post-processors add nothing, and leave it to others to put the second text behind the first.
  if (!isPair || tokens.includes(SECOND)) return frame;
  return [...frame, { put: 'second', typeId: 1 }];
}

function idOf(library: TokenizerLibrary, token: string): number {
  const id = library.token_to_id(token);
  if (id !== undefined) return id;
  throw new ManifestMismatch(`the special token ${token} is not in the vocabulary`);
}
