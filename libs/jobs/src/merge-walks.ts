/** Ids found in a list, newest first, and the one down to which it was searched; '': to its end. */
export type Walk = [ids: string[], until: string];

/**
 * The newest ids of several lists.
 * @returns `next`: the last id that was looked at where there may be more, else null.
 */
export function mergeWalks(
  walks: readonly Walk[],
  limit: number,
): { ids: string[]; next: string | null } {
  // What a list has beyond the end of its own search, another's find must not overtake.
  const horizon = walks.reduce((latest, [, until]) => (until > latest ? until : latest), '');
  const known = walks
    .flatMap(([ids]) => ids)
    .filter((id) => id >= horizon)
    .sort()
    .reverse();
  const ids = known.slice(0, limit);
  const next = known.length > limit ? (ids.at(-1) ?? null) : horizon;
  return { ids, next: next === '' ? null : next };
}
