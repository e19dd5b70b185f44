import type { PointedError } from '#libs/contracts';

/** Sizes that symbolic dimensions have taken within one instance. */
export type DimensionSizes = Map<string, number>;

/**
 * Checks that nested arrays form a block of `shape` whose symbolic dimensions have one size each.
 * @param sizes sizes found so far by name; those found here are added.
 * @returns the first complaint, or null.
 */
export function measure(
  value: unknown,
  shape: readonly (number | string)[],
  sizes: DimensionSizes,
  at: string,
): PointedError | null {
  const [size, ...rest] = shape;
  if (size === undefined) return null;
  const items = value as unknown[];
  const expected = typeof size === 'number' ? size : (sizes.get(size) ?? items.length);
  if (items.length !== expected) {
    const of = typeof size === 'string' && size !== '' ? ` (dimension "${size}")` : '';
    return {
      pointer: at,
      message: `must have ${String(expected)} items${of}, has ${String(items.length)}`,
    };
  }
  if (typeof size === 'string') sizes.set(size, expected);
  for (let i = 0; i < items.length; i++) {
    const complaint = measure(items[i], rest, sizes, `${at}/${String(i)}`);
    if (complaint) return complaint;
    if (rest.length === 0) break;
  }
  return null;
}
