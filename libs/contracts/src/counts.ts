/** How often each of what was observed was seen. Counts of several processes, or times, add up. */
export type Counts = Record<string, number>;

/** Adds `more` to `sum`. */
export function addCounts(sum: Counts, more: Counts): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}
