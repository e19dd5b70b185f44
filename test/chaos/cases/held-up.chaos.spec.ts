import { setTimeout as delay } from 'node:timers/promises';
import type { AppName } from '../../e2e/support/installation.js';
import { runners } from '../../e2e/support/installation.js';
import { chaosCase } from '../support/chaos-case.js';
import { blockEventLoop, INSPECTABLE } from '../support/inspector.js';
import { echoes, irises, longEchoes } from '../support/workloads.js';
import type { World } from '../support/world.js';

/** Beyond LOCK_DURATION_MS, what holds a delivery, and RUN_TIMEOUT_S. */
const HELD_UP_MS = { worker: 14_000, api: 10_000, courier: 25_000, runner: 15_000 } as const;

async function stop(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await delay(ms);
  process.kill(pid, 'SIGCONT');
}

const stopOne = (name: AppName) => (world: World) => {
  const { pid } = world.random.pick(world.running(name));
  return world.fault(`SIGSTOP of a ${name}, then CONT`, () => stop(pid, HELD_UP_MS[name]));
};

const stopRunner = (world: World) => {
  const runner = world.random.pick(runners(world.random.pick(world.running('worker')).pid));
  return world.fault('SIGSTOP of a runner, which is replaced', async () => {
    process.kill(runner, 'SIGSTOP');
    await delay(HELD_UP_MS.runner);
  });
};

const blockWorker = (world: World) => {
  const worker = world.random.pick(world.running('worker'));
  return world.fault('an event loop blocked past its locks', () =>
    blockEventLoop(worker, HELD_UP_MS.worker),
  );
};

const FAULTS = [stopOne('worker'), blockWorker, stopOne('api'), stopOne('courier'), stopRunner];

chaosCase(
  {
    name: 'held-up',
    apps: ['api', 'api', 'worker', 'worker', 'courier', 'courier'],
    // What a job looks like is not to depend on the api that is asked.
    env: { ...INSPECTABLE, RUN_TIMEOUT_S: '10', PUBLIC_URL: 'http://foretell.test' },
    short: { rounds: 1, faults: FAULTS.slice(0, 1) },
    long: { rounds: 2, faults: FAULTS },
  },
  async (world, { rounds, faults }) => {
    const workloads = [echoes, await irises(), echoes, longEchoes];
    world.load.start({ ratePerS: 8, workloads, hooked: 0.3, keyed: 0.5 });
    for (let round = 0; round < rounds; round++) {
      for (const inject of faults) {
        await world.accepted(40);
        await inject(world);
      }
    }
    await world.accepted(40);
  },
);
