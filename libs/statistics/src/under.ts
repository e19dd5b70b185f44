import type { Counts } from '#libs/contracts';

/** Those whose name begins with `prefix` and a slash, by what follows: it has no others, as a label may be `constructor`. */
export function under(counts: Counts, prefix: string): Counts {
  const start = `${prefix}/`;
  const found = Object.create(null) as Counts;
  for (const [name, count] of Object.entries(counts)) {
    if (name.startsWith(start)) found[name.slice(start.length)] = count;
  }
  return found;
}
