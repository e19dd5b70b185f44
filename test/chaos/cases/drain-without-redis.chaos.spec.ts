import { chaosCase } from '../support/chaos-case.js';
import { echo, echoes } from '../support/workloads.js';
import type { World } from '../support/world.js';

const APPS = ['api', 'worker', 'courier'] as const;
/** Within it a process that is told to end has ended, whatever Redis does. */
const DRAIN_MS = 25_000;
/** About half a second each: some are in hand when the signal comes. */
const LONG_JOBS = 6;
const LONG = 10_000;

/** Ways for Redis to be away, and how it comes back. */
const AWAY = {
  down: {
    from: (world: World) => world.redis.signal('SIGKILL'),
    to: (world: World) => world.redis.start(),
  },
  hung: {
    from: (world: World) => world.redis.signal('SIGSTOP'),
    to: (world: World) => world.redis.signal('SIGCONT'),
  },
  'read-only': {
    from: (world: World) => world.admin.replicaof('127.0.0.1', '1'),
    to: (world: World) => world.admin.replicaof('NO', 'ONE'),
  },
} as const;

chaosCase<{ ways: (keyof typeof AWAY)[] }>(
  {
    name: 'drain-without-redis',
    short: { ways: ['hung'] },
    long: { ways: ['down', 'hung', 'read-only', 'hung', 'down'] },
  },
  async (world, { ways }) => {
    world.load.start({ ratePerS: 30, workloads: [echoes], hooked: 0.5, keyed: 0.3 });
    for (const way of ways) {
      for (let i = 0; i < LONG_JOBS; i++)
        void world.load.submit(echo([LONG]), { key: `${way} ${i}` });
      await world.accepted(60);
      await world.fault(`SIGTERM of all while Redis is ${way}`, async () => {
        await AWAY[way].from(world);
        const took = await Promise.all(APPS.map((name) => drain(world, name)));
        await AWAY[way].to(world);
        await Promise.all(APPS.map((name) => world.add(name)));
        const measured = Math.max(...took);
        world.promise(`drained while Redis is ${way}`, { bound: DRAIN_MS, measured });
      });
    }
    await world.accepted(60);
  },
);

/** @returns how long it took. */
async function drain(world: World, name: (typeof APPS)[number]): Promise<number> {
  const began = performance.now();
  await Promise.all(world.running(name).map((app) => world.kill(app, 'SIGTERM')));
  return performance.now() - began;
}
