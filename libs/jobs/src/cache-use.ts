import { hash } from 'node:crypto';
import { digestOfLines } from '#libs/contracts';

/** How a job uses the results of its model that are kept. */
export interface CacheUse {
  /** Of jobs that have the same one, one result is that of all. */
  key: string;
  /** How long its own result may be used. */
  ttlS: number;
  /** Most results that are kept of its model. */
  maxEntries: number;
  /** It is to be computed, whatever there is. */
  fresh?: boolean | undefined;
}

/**
 * @param content of the version, see `contentOf`. @param owner whose jobs alone may share the result; null: all may.
 * @param input as `inputText` makes it, with the parameters. @param lines `digestOfLines` of it, where that is known.
 */
export function cacheKeyOf(
  content: string,
  owner: string | null,
  input: string,
  lines?: string,
): string {
  const head = input.indexOf('\n');
  const digest = lines ?? digestOfLines(input.slice(head + 1));
  // JSON has no raw newline, so that no owner can pass for parameters.
  const text = `${JSON.stringify(owner)}\n${input.slice(0, head)}\n${digest}`;
  return `${content}.${hash('sha256', text, 'base64url')}`;
}

/** Whether a key was made for this content. */
export function isOfContent(key: string, content: string | undefined): boolean {
  return content !== undefined && key.startsWith(`${content}.`);
}
