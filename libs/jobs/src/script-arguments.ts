import { clock } from '#libs/clock';
import type { Keys } from './keys.js';

export type Arguments = (string | number)[];

/** What every script that changes jobs of a model begins with: how many keys, the sets, the records; time and names. */
export function changeArguments(
  keys: Keys,
  model: string,
  ids: readonly string[],
): [number, ...Arguments] {
  const sets = [
    keys.waiting(model),
    keys.startDeadlines(model),
    keys.expiries(model),
    keys.outbox(model),
  ];
  return [
    sets.length + ids.length,
    ...sets,
    ...ids.map((id) => keys.record(id)),
    clock.now(),
    keys.listPrefix(model),
    keys.jobChannel,
    keys.courierChannel,
  ];
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
  return [...changeArguments(keys, model, ids), ...attempts.flatMap(({ args }) => args)];
}
