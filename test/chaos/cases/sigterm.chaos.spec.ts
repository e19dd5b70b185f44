import { setTimeout as delay } from 'node:timers/promises';
import { App, type AppName } from '../../e2e/support/installation.js';
import { chaosCase } from '../support/chaos-case.js';
import type { World } from '../support/world.js';
import { echo, echoes, irises } from '../support/workloads.js';

const NAMES = ['api', 'worker', 'courier'] as const;
/** Longer than any of them takes to be ready. */
const START_MS = 3000;
const DRAIN_MS = 25_000;

chaosCase(
  {
    name: 'sigterm',
    apps: ['api', 'api', 'worker', 'worker', 'courier', 'courier'],
    short: { rounds: 2 },
    long: { rounds: 30 },
  },
  async (world, { rounds }) => {
    const half: typeof echoes = () => echo([4000]);
    world.load.start({
      ratePerS: 10,
      workloads: [echoes, echoes, await irises(), half],
      hooked: 0.3,
    });
    let longestMs = 0;
    for (let i = 0; i < rounds; i++) {
      for (const name of NAMES) {
        await world.accepted(world.random.whole(5, 30));
        longestMs = Math.max(
          longestMs,
          await endMidWork(world, name),
          await endMidStart(world, name),
        );
      }
    }
    world.promise('an app ends after SIGTERM', { bound: DRAIN_MS, measured: longestMs });
    // A loaded machine may refuse with 503; what is cut off is the fault of the one that ended.
    const cut = world.ledger.refusals.filter(({ status }) => status === 0);
    if (cut.length > 0) throw new Error(`cut off: ${cut.map(({ code }) => code).join()}`);
  },
);

/** @returns how long it took to end, ms. */
async function endMidWork(world: World, name: AppName): Promise<number> {
  const app = world.random.pick(world.running(name));
  const added = world.add(name);
  const fault = await world.fault(`SIGTERM to a ${name}`, async () => {
    // A load balancer sends it nothing new; what is under way is answered.
    app.url = '';
    const code = await world.kill(app, 'SIGTERM');
    if (code !== 0)
      throw new Error(`${name} ended with ${code}:\n${app.lines.slice(-5).join('\n')}`);
  });
  await added;
  return fault.to - fault.from;
}

async function endMidStart(world: World, name: AppName): Promise<number> {
  const app = App.spawn(name, world.foretell.env);
  world.foretell.apps.push(app);
  await delay(world.random.whole(0, START_MS));
  const fault = await world.fault(`SIGTERM to a ${name} that starts`, async () => {
    const code = await world.kill(app, 'SIGTERM');
    // A process that has not come to its own code yet is ended by the signal itself.
    if (code !== 0 && app.lines.length > 0) {
      throw new Error(`${name} ended with ${code}:\n${app.lines.slice(-5).join('\n')}`);
    }
  });
  return fault.to - fault.from;
}
