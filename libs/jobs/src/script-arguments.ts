import type { Keys } from './keys.js';

export type Arguments = (string | number)[];

/** The keys of a script that takes jobs out of the queue or ends them: how many, the sets, the records. */
export function endKeys(keys: Keys, model: string, ids: readonly string[]): [number, ...string[]] {
  const sets = [keys.waiting(model), keys.startDeadlines(model), keys.expiries(model)];
  return [sets.length + ids.length, ...sets, ...ids.map((id) => keys.record(id))];
}

/** An attempt that has come to nothing, for `requeue-batch.lua`. */
export interface PastAttemptArguments {
  id: string;
  args: Arguments;
}

export function requeueArguments(
  keys: Keys,
  model: string,
  attempts: readonly PastAttemptArguments[],
): [number, ...Arguments] {
  const ids = attempts.map(({ id }) => id);
  const changes = attempts.flatMap(({ args }) => args);
  return [
    ...endKeys(keys, model, ids),
    Date.now(),
    keys.listPrefix(model),
    keys.jobChannel,
    ...changes,
  ];
}
