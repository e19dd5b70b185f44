import { setTimeout as delay } from 'node:timers/promises';
import type { Accepted } from './ledger.js';
import { recoveryMs } from './oracle.js';
import { echoes, irises } from './workloads.js';
import type { World } from './world.js';

/** Jobs that are accepted before a fault, and again after it. */
const AROUND = 60;
/** Within it a caller hears that Redis is away. */
const ANSWER_MS = 2000;
/** Within it, once Redis is back, what was open has ended. */
const RECOVERY_MS = 15_000;
/** The oracle complains of what is open then. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 100;

/** Submits before, in and after faults that keep an installation from its Redis, one after the other. */
export async function throughOutages(
  world: World,
  name: string,
  faults: readonly (() => Promise<unknown>)[],
): Promise<void> {
  world.load.start({
    ratePerS: 40,
    workloads: [echoes, await irises()],
    hooked: 0.3,
    keyed: 0.3,
  });
  for (const act of faults) {
    await world.accepted(AROUND);
    await world.fault(name, act);
    // How soon it has recovered is to be told of each.
    await ended(world.ledger.open);
  }
  await world.accepted(AROUND);
  await promiseOutages(world);
}

/** Ends the load, and states how soon callers heard of the outages and how soon all went on after them. */
export async function promiseOutages(world: World): Promise<void> {
  const { load, ledger } = world;
  await load.stop();
  await ended(ledger.open);
  world.promise('an answer while Redis is away', {
    bound: ANSWER_MS,
    measured: slowestAnswerMs(world),
  });
  world.promise('all goes on once Redis is back', {
    bound: RECOVERY_MS,
    measured: recoveryMs(world),
  });
}

async function ended(jobs: readonly Accepted[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (jobs.some(({ end }) => !end) && performance.now() < deadline) await delay(LOOK_MS);
}

/** Of what was asked in a fault, whatever the answer was. */
function slowestAnswerMs({ ledger, faults }: World): number {
  const answers = [
    ...ledger.refusals,
    ...[...ledger.jobs.values()].map(({ acceptedAt, tookMs }) => ({
      at: acceptedAt - tookMs,
      tookMs,
    })),
  ];
  const asked = answers.filter(({ at }) => faults.some(({ from, to }) => at >= from && at < to));
  return Math.max(0, ...asked.map(({ tookMs }) => tookMs));
}
