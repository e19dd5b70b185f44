import { chaosCase } from '../support/chaos-case.js';
import { settled } from '../support/recovery.js';
import { Supervised } from '../support/supervised.js';
import { echoes, irises } from '../support/workloads.js';

chaosCase(
  {
    name: 'supervisor-kill',
    apps: [],
    short: { kills: 2 },
    long: { kills: 20 },
  },
  async (world, { kills }) => {
    const supervised = await Supervised.start(world);
    world.load.start({
      ratePerS: 40,
      workloads: [echoes, await irises()],
      hooked: 0.3,
      keyed: 0.5,
    });
    let longestMs = 0;
    let longestStartMs = 0;
    for (let i = 0; i < kills; i++) {
      await world.accepted(world.random.whole(40, 120));
      const all = i % 2 === 1;
      const what = all ? 'all of its processes at once' : 'the supervisor';
      const fault = await world.fault(`kill -9 of ${what}`, () => supervised.kill(all));
      await supervised.start();
      longestStartMs = Math.max(longestStartMs, Date.now() - fault.to);
      longestMs = Math.max(longestMs, await settled(world, fault));
    }
    world.promise('npm start is ready again', { bound: 30_000, measured: longestStartMs });
    world.promise('all that was accepted has ended', { bound: 30_000, measured: longestMs });
  },
);
