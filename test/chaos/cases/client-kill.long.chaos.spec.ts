import { setTimeout as delay } from 'node:timers/promises';
import { chaosCase } from '../support/chaos-case.js';
import { echoes, irises } from '../support/workloads.js';

/** Whose connections are killed: those that ask, those that listen, or both. */
const KINDS = [['normal'], ['pubsub'], ['normal', 'pubsub']] as const;
/** Some come before a connection is back that the last one broke. */
const PAUSE_MS = [20, 600] as const;

chaosCase(
  {
    name: 'client-kill',
    apps: ['api', 'api', 'worker', 'worker', 'courier'],
    long: { storms: 400 },
  },
  async (world, { storms }) => {
    world.load.start({
      ratePerS: 40,
      workloads: [echoes, await irises()],
      hooked: 0.3,
      keyed: 0.3,
    });
    await world.accepted(20);
    for (let i = 0; i < storms; i++) {
      const kinds = world.random.pick(KINDS);
      await world.fault(`CLIENT KILL TYPE ${kinds.join(' and ')}`, () =>
        Promise.all(kinds.map((kind) => world.admin.call('CLIENT', 'KILL', 'TYPE', kind))),
      );
      await delay(world.random.whole(...PAUSE_MS));
    }
    await world.accepted(20);
  },
);
