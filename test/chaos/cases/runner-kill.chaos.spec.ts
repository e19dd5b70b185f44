import { runners } from '../../e2e/support/installation.js';
import { chaosCase } from '../support/chaos-case.js';
import { firstSuccess } from '../support/recovery.js';
import { echoes, generations, irises } from '../support/workloads.js';

chaosCase(
  {
    name: 'runner-kill',
    models: ['fixture:slow', 'iris', 'fixture:tiny_lm'],
    short: { kills: 5 },
    long: { kills: 100 },
  },
  async (world, { kills }) => {
    world.load.start({
      ratePerS: 40,
      workloads: [echoes, await irises(), await generations()],
      hooked: 0.2,
    });
    const timesMs: number[] = [];
    for (let i = 0; i < kills; i++) {
      await world.accepted(world.random.whole(20, 80));
      const [worker] = world.running('worker');
      const pid = world.random.pick(runners(worker?.pid ?? 0));
      const fault = await world.fault('kill -9 of a runner', () => {
        process.kill(pid, 'SIGKILL');
        return undefined;
      });
      const times = ['slow', 'iris', 'tiny_lm'].map((model) => firstSuccess(world, fault, model));
      timesMs.push(Math.max(...(await Promise.all(times))));
    }
    timesMs.sort((a, b) => a - b);
    world.promise('every model succeeds again, median', {
      bound: 1000,
      measured: timesMs[timesMs.length >> 1] ?? 0,
    });
  },
);
