import { chaosCase } from '../support/chaos-case.js';
import { settled } from '../support/recovery.js';
import { echoes, irises } from '../support/workloads.js';

chaosCase(
  {
    name: 'worker-recovery',
    short: { kills: 1 },
    long: { kills: 10 },
  },
  async (world, { kills }) => {
    world.load.start({ ratePerS: 40, workloads: [echoes, await irises()], hooked: 0.3 });
    let longestMs = 0;
    for (let i = 0; i < kills; i++) {
      await world.accepted(world.random.whole(40, 120));
      const [worker] = world.running('worker');
      if (!worker) throw new Error('no worker runs');
      const fault = await world.fault('kill -9 of the only worker', () => world.kill(worker));
      await world.add('worker');
      longestMs = Math.max(longestMs, await settled(world, fault));
    }
    world.promise('all that a killed worker held has ended', {
      bound: 15_000,
      measured: longestMs,
    });
  },
);
