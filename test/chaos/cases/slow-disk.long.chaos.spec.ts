import { setTimeout as delay } from 'node:timers/promises';
import { chaosCase } from '../support/chaos-case.js';
import { slowDisk } from '../support/slow-disk.js';
import { echoes, irises } from '../support/workloads.js';

chaosCase(
  {
    name: 'slow-disk',
    apps: ['api', 'worker', 'worker', 'courier'],
    long: { delaysMs: [100, 500, 2000], faultMs: 30_000 },
  },
  async (world, { delaysMs, faultMs }) => {
    world.load.start({
      ratePerS: 20,
      workloads: [echoes, await irises()],
      hooked: 0.3,
      keyed: 0.3,
    });
    for (const delayMs of delaysMs) {
      await world.accepted(50);
      await world.fault(`each fsync takes ${delayMs} ms`, async () => {
        const end = await slowDisk(world.redis.pid, delayMs);
        await delay(faultMs);
        await end();
      });
      // Before the disk is slow once more: else they would seem to take as long as that.
      const { open } = world.ledger;
      while (open.some((job) => !job.end)) await delay(100);
    }
  },
);
