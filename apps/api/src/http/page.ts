import { ProblemError } from '#libs/contracts';

const DEFAULT_SIZE = 20;
const MAX_SIZE = 100;

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** @throws ProblemError `invalid-request` for anything but 1 to 100. */
export function pageSize(limit: string | undefined): number {
  if (limit === undefined) return DEFAULT_SIZE;
  const size = Number(limit);
  if (/^[0-9]+$/.test(limit) && size >= 1 && size <= MAX_SIZE) return size;
  throw new ProblemError('invalid-request', `limit must be 1 to ${String(MAX_SIZE)}.`);
}

/**
 * A page of items that are sorted by `key`, ascending. The cursor is the last key seen, so that items
 * which come and go between two pages neither repeat nor hide others.
 */
export function page<T>(
  items: readonly T[],
  key: (item: T) => string,
  size: number,
  cursor: string | undefined,
): Page<T> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor);
  const rest = after === undefined ? items : items.filter((item) => key(item) > after);
  const data = rest.slice(0, size);
  const last = data.at(-1);
  const more = rest.length > data.length && last !== undefined;
  return { data, next_cursor: more ? encodeCursor(key(last)) : null };
}

/** @param key of the last item seen. */
export function encodeCursor(key: string): string {
  return Buffer.from(key).toString('base64url');
}

/** @throws ProblemError `invalid-request` for what no page has given. */
export function decodeCursor(cursor: string, isKey: (key: string) => boolean = () => true): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  if (encodeCursor(key) === cursor && isKey(key)) return key;
  throw new ProblemError('invalid-request', 'cursor must be a next_cursor of an earlier answer.');
}
