import { Queue } from 'bullmq';
import { chaosCase } from '../support/chaos-case.js';
import { echo, echoes, irises } from '../support/workloads.js';
import type { World } from '../support/world.js';

/** Of iterations: some 30 s of one job, which is still running when its bundle goes. */
const LONG = 600_000;
const QUEUES = '*}:predict-*:';

/** Ids that a list or sorted set of BullMQ's has, with the queue they are of. */
async function bundles({ admin }: World, state: string): Promise<[key: string, id: string][]> {
  const keys = await admin.keys(`${QUEUES}${state}`);
  const ids = await Promise.all(
    keys.map((key) => (state === 'active' ? admin.lrange(key, 0, -1) : admin.zrange(key, 0, '-1'))),
  );
  return keys.flatMap((key, i) => (ids[i] ?? []).map((id): [string, string] => [key, id]));
}

/** As if BullMQ had never had them. */
async function remove({ admin }: World, state: string, gone: readonly [string, string][]) {
  for (const [key, id] of gone) {
    const job = key.slice(0, -state.length) + id;
    await (state === 'active' ? admin.lrem(key, 0, id) : admin.zrem(key, id));
    await admin.del(job, `${job}:lock`);
  }
}

chaosCase(
  {
    name: 'bundles-removed',
    apps: ['api', 'worker', 'courier'],
    long: { times: 5 },
  },
  async (world, { times }) => {
    const workloads = [echoes, await irises()];
    for (let i = 0; i < times; i++) {
      // Some run, while others wait: nobody takes any.
      const [worker] = world.running('worker');
      if (!worker) throw new Error('no worker runs');
      await world.load.submit(echo([LONG]));
      world.load.start({ ratePerS: 20, workloads, hooked: 0.3 });
      await world.accepted(world.random.whole(50, 100));
      await world.fault('kill -9 of the worker', () => world.kill(worker));
      await world.accepted(world.random.whole(50, 100));
      await world.load.stop();
      await world.fault('bundles removed that wait, or were with a worker', async () => {
        const waiting = await bundles(world, 'prioritized');
        await remove(
          world,
          'prioritized',
          waiting.filter(() => world.random.chance(0.5)),
        );
        await remove(world, 'active', await bundles(world, 'active'));
      });
      await world.add('worker');
    }
  },
);

chaosCase(
  {
    name: 'orphans-planted',
    apps: ['api', 'worker', 'courier'],
    long: { each: 20 },
  },
  async (world, { each }) => {
    world.load.start({ ratePerS: 20, workloads: [echoes, await irises()], hooked: 0.3 });
    await world.accepted(50);
    await world.fault('orphans planted', () => plant(world, each));
    await world.accepted(100);
  },
);

/** Of jobs that have no record: in each set that leads to one, in the queue, and among what couriers are to tell. */
async function plant({ admin, ledger }: World, each: number): Promise<void> {
  const [turns = ''] = await admin.keys('*}:turns:slow');
  const tag = turns.slice(0, turns.indexOf(':turns'));
  const [known = ''] = [...ledger.jobs.values()].flatMap(({ id, work }) =>
    work.model === 'slow' ? [id] : [],
  );
  const queue = new Queue('predict-slow', { connection: admin, prefix: tag });
  for (let i = 0; i < each; i++) {
    // Of the same partition, and earlier than any other.
    const id = `job_00${known.slice(6, -4)}${String(1000 + i)}`;
    await admin.zadd(`${tag}:waiting:slow`, 1, id);
    await admin.zadd(`${tag}:start-deadlines:slow`, Date.now() - 1, id);
    await admin.zadd(`${tag}:list:slow:running`, 0, id);
    await admin.zadd(`${tag}:expiries:slow`, Date.now() - 1, id);
    await admin.zadd(`${tag}:outbox:slow`, Date.now(), `127.0.0.1:9 ${id} 000001`);
    const job = { id, version: '1', count: 1, bytes: 2, createdAt: 1, turn: 1, resultTtlS: 60 };
    await queue.add(
      '1',
      { jobs: [{ ...job, requestId: 'orphan', input: '\n[1]' }] },
      { priority: 1 },
    );
  }
  await queue.close();
}
