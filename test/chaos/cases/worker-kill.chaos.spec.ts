import { chaosCase } from '../support/chaos-case.js';
import { echoes, irises } from '../support/workloads.js';

chaosCase(
  {
    name: 'worker-kill',
    apps: ['api', 'worker', 'worker', 'courier'],
    short: { kills: 3 },
    long: { kills: 200 },
  },
  async (world, { kills }) => {
    world.load.start({
      ratePerS: 20,
      workloads: [echoes, await irises()],
      hooked: 0.3,
      keyed: 0.3,
    });
    for (let i = 0; i < kills; i++) {
      await world.accepted(world.random.whole(5, 60));
      const worker = world.random.pick(world.running('worker'));
      await world.fault('kill -9 of a worker', () => world.kill(worker));
      await world.add('worker');
    }
  },
);
