import { setTimeout as delay } from 'node:timers/promises';
import type { World } from './world.js';

const LOOK_MS = 50;

/** Resolves once a job has ended that was accepted after this was called. @returns when, ms since the epoch. */
export async function recovered({ ledger }: World): Promise<number> {
  const now = Date.now();
  for (;;) {
    for (const { acceptedAt, end } of ledger.jobs.values()) {
      if (end && acceptedAt > now) return Date.parse(end.ended_at ?? '');
    }
    await delay(LOOK_MS);
  }
}
