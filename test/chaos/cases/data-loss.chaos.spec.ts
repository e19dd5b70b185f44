import { readdir, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chaosCase } from '../support/chaos-case.js';
import { echoes, irises } from '../support/workloads.js';
import type { Fault, World } from '../support/world.js';

/** Until every api says that data were lost, from when Redis answers again. */
const TOLD_MS = 2000;
const PATIENCE_MS = 30_000;

const WORLD = { apps: ['api', 'api', 'worker', 'courier'], losesData: true } as const;

async function load(world: World): Promise<void> {
  const workloads = [echoes, await irises()];
  world.load.start({ ratePerS: 20, workloads, hooked: 0.3, keyed: 0.3 });
}

/** Every api says it: its health, its log, its metrics. */
async function untilTold(world: World, { from, to }: Fault): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (const { url } of world.running('api')) {
    for (;;) {
      const health = (await (await fetch(`${url}/health`)).json()) as Health;
      if (Date.parse(health.data_loss?.until ?? '') >= from) break;
      if (Date.now() > deadline) throw new Error(`${url} does not say that data were lost`);
      await delay(100);
    }
  }
  world.promise('data loss is told', { bound: TOLD_MS, measured: Date.now() - to });
  const isLoss = ({ level, msg = '' }: { level?: unknown; msg?: string }) =>
    level === 'error' && msg.startsWith('Redis has lost data');
  if (!world.running('api').some(({ log }) => log.some(isLoss))) {
    throw new Error('no api has written of it');
  }
}

interface Health {
  data_loss: { since: string | null; until: string } | null;
}

/** Whoever is served knows nothing of it: models stay known, whatever Redis has of them. */
function expectModels({ ledger }: World): void {
  const refused = ledger.refusals.find(({ status }) => status === 404);
  if (refused) throw new Error(`a submission was answered ${refused.code}`);
}

chaosCase(
  { name: 'flushall', ...WORLD, apps: [...WORLD.apps], short: { times: 1 }, long: { times: 5 } },
  async (world, { times }) => {
    await load(world);
    for (let i = 0; i < times; i++) {
      await world.accepted(world.random.whole(50, 150));
      await untilTold(world, await world.fault('FLUSHALL', () => world.admin.flushall()));
      await world.accepted(100);
      expectModels(world);
    }
  },
);

chaosCase(
  {
    name: 'aof-tail-cut',
    ...WORLD,
    apps: [...WORLD.apps],
    short: { times: 1 },
    long: { times: 20 },
  },
  async (world, { times }) => {
    await load(world);
    for (let i = 0; i < times; i++) {
      await world.accepted(world.random.whole(50, 150));
      const fault = await world.fault(
        'kill -9 of Redis, and the end of its file is gone',
        async () => {
          await world.redis.signal('SIGKILL');
          await cutTail(world);
          await world.redis.start();
        },
      );
      await untilTold(world, fault);
      await world.accepted(100);
      expectModels(world);
    }
  },
);

/** Of the append-only file, as where a disk did not keep what it had confirmed: at least two seconds' worth. */
async function cutTail({ redis, random }: World): Promise<void> {
  const folder = path.join(redis.dir, 'appendonlydir');
  const file = (await readdir(folder)).find((name) => name.endsWith('.incr.aof')) ?? '';
  const { size } = await stat(path.join(folder, file));
  await truncate(path.join(folder, file), Math.max(0, size - random.whole(100_000, 300_000)));
}
