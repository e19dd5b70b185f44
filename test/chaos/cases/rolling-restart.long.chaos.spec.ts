import type { AppName } from '../../e2e/support/installation.js';
import { chaosCase } from '../support/chaos-case.js';
import { olderBuild } from '../support/older-build.js';
import { echoes, irises } from '../support/workloads.js';

const ROLLS: AppName[] = ['api', 'worker', 'courier'];

chaosCase(
  {
    name: 'rolling-restart',
    apps: ['api', 'api', 'worker', 'worker', 'courier', 'courier'],
    long: { rounds: 2 },
  },
  async (world, { rounds }) => {
    const older = await olderBuild();
    world.load.start({ ratePerS: 40, workloads: [echoes, await irises()], hooked: 0.3 });
    for (let i = 0; i < rounds; i++) {
      // Back, and forth again.
      const root = i % 2 === 0 ? older : undefined;
      const to = root === undefined ? 'to this version' : 'to the older version';
      for (const name of ROLLS) {
        for (const app of world.running(name)) {
          await world.accepted(world.random.whole(10, 40));
          await world.add(name, {}, root);
          await world.fault(`${name} replaced, ${to}`, async () => {
            // A load balancer sends it nothing new; what is under way is answered.
            app.url = '';
            const code = await world.kill(app, 'SIGTERM');
            if (code !== 0) throw new Error(`${name} ended with ${code}`);
          });
        }
      }
    }
    const { refused } = world.ledger;
    if (Object.keys(refused).length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
  },
);
