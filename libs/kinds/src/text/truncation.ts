/** Where a text that is too long loses tokens. */
export type Side = 'right' | 'left';

/**
 * How much of two sequences may stay where there is room for so many tokens: the longer one is cut first, as
 * `longest_first` of Hugging Face's tokenizers has it.
 */
export function shareOf(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second);
  const less = Math.min(shorter, Math.floor(room / 2));
  return first <= second ? [less, room - less] : [room - less, less];
}

/** The `length` tokens that stay. */
export function cut(ids: readonly number[], length: number, side: Side): readonly number[] {
  if (ids.length <= length) return ids;
  return side === 'right' ? ids.slice(0, length) : ids.slice(ids.length - length);
}
