/** Prompts that are read together are filled up to the longest; that may so much multiply what is computed. */
const MAX_FILLING = 1.5;

/** Sequences in groups whose prompts are about equally long, so that reading them together pays. */
export function readTogether<S extends { readonly tokens: readonly number[] }>(
  sequences: readonly S[],
): S[][] {
  const groups: S[][] = [];
  let group: S[] = [];
  let sum = 0;
  for (const sequence of sequences.toSorted((a, b) => a.tokens.length - b.tokens.length)) {
    const { length } = sequence.tokens;
    if (group.length > 0 && (group.length + 1) * length > MAX_FILLING * (sum + length)) {
      groups.push(group);
      group = [];
      sum = 0;
    }
    group.push(sequence);
    sum += length;
  }
  return group.length > 0 ? [...groups, group] : groups;
}
