import type { Counts } from '#libs/contracts';
import { readReference } from '#libs/models';
import { plainReason } from '../errors.js';
import type { Model } from './model.js';
import { Observer } from './observer.js';

/** A caller's batch waits no longer for a part of the reference than about this. */
const PART_MS = 10;
const MAX_PART = 64;

export interface Profile {
  /** Null: see `reason`. */
  counts: Counts | null;
  reason: string;
}

/**
 * What the instances of a model's reference, and its predictions for them, are like.
 * @param inTurn runs a part after what has come in before.
 * @param between waits, after a part that took so long, for the next one's turn.
 */
export async function profile(
  model: Model | undefined,
  inTurn: (task: () => Promise<void>) => Promise<void>,
  between: (tookMs: number) => Promise<void>,
): Promise<Profile> {
  const watch = model?.watch;
  if (watch?.file === undefined) return { counts: null, reason: 'there is no reference' };
  try {
    const { instances, digest } = await readReference(watch.file, watch.version);
    if (digest !== watch.basis.reference?.digest) throw new Error('the reference has changed');
    const observer = new Observer(watch.version, watch.basis.features);
    let size = 1;
    for (let from = 0; from < instances.length;) {
      const part = instances.slice(from, (from += size));
      let tookMs = 0;
      await inTurn(async () => {
        const began = performance.now();
        await model?.run([`\n${part.map((one) => JSON.stringify(one)).join(',\n')}`], observer);
        tookMs = performance.now() - began;
      });
      size = Math.min(MAX_PART, Math.max(1, Math.floor((part.length * PART_MS) / tookMs)));
      await between(tookMs);
    }
    const counts = observer.take();
    return { counts, reason: counts ? '' : 'the model answered none of its instances' };
  } catch (error) {
    return { counts: null, reason: plainReason(error) };
  }
}
