/** A number in JSON, written in full, on an indented line of its own. */
export const NUMBER_BYTES = 64;

/** As a key, with everything escaped. */
export function nameBytes(name: string): number {
  return 6 * name.length + NUMBER_BYTES;
}
