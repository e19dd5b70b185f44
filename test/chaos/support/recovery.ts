import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, World } from './world.js';

const LOOK_MS = 50;

/** Resolves once everything that was accepted before a fault was over has ended. @returns ms from then to the last end. */
export async function settled({ ledger }: World, { to }: Fault): Promise<number> {
  const before = [...ledger.jobs.values()].filter(({ acceptedAt }) => acceptedAt < to);
  while (before.some(({ end }) => !end)) await delay(LOOK_MS);
  return Math.max(0, ...before.map(({ end }) => Date.parse(end?.ended_at ?? '') - to));
}

/** Resolves once a job that was accepted after a fault has ended. @returns ms from the fault's end to the first such end. */
export async function firstSuccess(
  { ledger }: World,
  { to }: Fault,
  model: string,
): Promise<number> {
  for (;;) {
    const ends = [...ledger.jobs.values()].flatMap(({ acceptedAt, work, end }) =>
      acceptedAt > to && work.model === model && end ? [Date.parse(end.ended_at ?? '')] : [],
    );
    if (ends.length > 0) return Math.min(...ends) - to;
    await delay(LOOK_MS);
  }
}

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
