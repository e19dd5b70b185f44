import { recovered } from '../support/recovery.js';
import { linkedCase } from '../support/linked-case.js';
import { echoes, irises } from '../support/workloads.js';

/** Of connections that a network forgets at once. */
const SHARES = [1, 0.5, 0.2];

linkedCase(
  {
    name: 'half-open',
    apps: ['api', 'worker', 'courier'],
    short: { rounds: 1 },
    long: { rounds: 12 },
  },
  async (world, network, { rounds }) => {
    world.load.start({
      ratePerS: 20,
      workloads: [echoes, await irises()],
      hooked: 0.3,
      keyed: 0.3,
    });
    for (let i = 0; i < rounds; i++) {
      await world.accepted(40);
      const share = SHARES[i % SHARES.length] ?? 1;
      const fault = await world.fault(`${share * 100} % of connections half-open`, () => {
        network.halfOpen(() => world.random.chance(share));
        return undefined;
      });
      world.promise('a job accepted and done after connections became half-open', {
        bound: 15_000,
        measured: (await recovered(world)) - fault.to,
      });
    }
  },
);
