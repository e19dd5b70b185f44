import { at } from './activation.js';

/** Up to so many, an insertion into those found so far is quicker than sorting all. */
const MAX_INSERTED = 32;

/** Places of the `count` highest values, highest first; of equal ones the first comes first. */
export function highest(values: Float64Array, count: number): number[] {
  if (count > MAX_INSERTED) {
    const all = Array.from(values, (_, i) => i).sort((a, b) => at(values, b) - at(values, a));
    return all.slice(0, count);
  }
  const best: number[] = [];
  let least = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = at(values, i);
    if (best.length === count && value <= least) continue;
    let place = Math.min(best.length, count - 1);
    for (; place > 0 && at(values, best[place - 1] ?? 0) < value; place--) {
      best[place] = best[place - 1] ?? 0;
    }
    best[place] = i;
    least = at(values, best.at(-1) ?? 0);
  }
  return best;
}
