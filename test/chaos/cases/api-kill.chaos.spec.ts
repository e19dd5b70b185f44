import { chaosCase } from '../support/chaos-case.js';
import { echoes, irises } from '../support/workloads.js';

chaosCase(
  {
    name: 'api-kill',
    apps: ['api', 'api', 'worker', 'courier'],
    short: { kills: 4 },
    long: { kills: 100 },
  },
  async (world, { kills }) => {
    // Each is sent again with its key, to whichever api there is, until it is accepted.
    world.load.start({
      ratePerS: 60,
      workloads: [echoes, await irises()],
      hooked: 0.2,
      keyed: 1,
    });
    for (let i = 0; i < kills; i++) {
      await world.accepted(world.random.whole(10, 90));
      const api = world.random.pick(world.running('api'));
      await world.fault('kill -9 of an api', () => world.kill(api));
      await world.add('api');
    }
  },
);
