import { setTimeout as delay } from 'node:timers/promises';
import type { LineShape } from '../support/slow.line.js';
import { linkedCase } from '../support/linked-case.js';
import { echoes, irises } from '../support/workloads.js';

const NETWORKS: Record<string, LineShape> = {
  'latency of 200 ms': { delayMs: 100 },
  'thin link, 100 kB/s each connection and way': { bytesPerS: 100_000 },
  'latency of 1 s on a thin link': { delayMs: 500, bytesPerS: 200_000 },
};
const LASTS_MS = 20_000;

linkedCase(
  {
    name: 'slow-network',
    apps: ['api', 'worker', 'worker', 'courier'],
    long: { networks: Object.entries(NETWORKS) },
  },
  async (world, network, { networks }) => {
    world.load.start({
      ratePerS: 20,
      workloads: [echoes, await irises()],
      hooked: 0.3,
      keyed: 0.3,
    });
    for (const [name, line] of networks) {
      await world.accepted(40);
      await world.fault(name, async () => {
        network.shape({ up: line, down: line });
        await delay(LASTS_MS);
        network.heal();
      });
    }
    await world.accepted(40);
  },
);
