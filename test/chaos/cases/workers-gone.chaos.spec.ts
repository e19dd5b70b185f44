import { setTimeout as delay } from 'node:timers/promises';
import { chaosCase } from '../support/chaos-case.js';
import { settled } from '../support/recovery.js';
import { echoes, irises } from '../support/workloads.js';

/** Queued jobs of a model that are accepted. */
const CAP = 300;

chaosCase(
  {
    name: 'workers-gone',
    env: { MAX_QUEUE_DEPTH: String(CAP) },
    short: { goneMs: 12_000 },
    long: { goneMs: 180_000 },
  },
  async (world, { goneMs }) => {
    world.load.start({ ratePerS: 100, workloads: [echoes, await irises()], hooked: 0.2 });
    await world.accepted(20);
    const fault = await world.fault('no worker', async () => {
      for (const worker of world.running('worker')) await world.kill(worker);
      await delay(goneMs);
      await world.add('worker');
    });
    const { jobs, refused } = world.ledger;
    const held = [...jobs.values()].filter(({ acceptedAt }) => acceptedAt < fault.to).length;
    if (held < CAP) throw new Error(`${held} jobs were accepted, though there was room for ${CAP}`);
    const full = Object.entries(refused).filter(([answer]) => !answer.startsWith('503 '));
    if (full.length > 0) throw new Error(`refused otherwise than by 503: ${JSON.stringify(full)}`);
    const tookMs = await settled(world, fault);
    world.promise('all that waited has ended', { bound: 15_000, measured: tookMs });
  },
);
