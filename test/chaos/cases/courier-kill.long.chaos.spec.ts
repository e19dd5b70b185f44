import { chaosCase } from '../support/chaos-case.js';
import { irises } from '../support/workloads.js';

chaosCase(
  {
    name: 'courier-kill',
    apps: ['api', 'worker', 'courier', 'courier'],
    long: { kills: 50 },
  },
  async (world, { kills }) => {
    world.load.start({ ratePerS: 60, workloads: [await irises()], hooked: 1 });
    for (let i = 0; i < kills; i++) {
      await world.accepted(world.random.whole(10, 90));
      const courier = world.random.pick(world.running('courier'));
      await world.fault('kill -9 of a courier', () => world.kill(courier));
      await world.add('courier');
    }
  },
);
