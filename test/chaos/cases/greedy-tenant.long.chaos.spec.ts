import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { copyModel, modelsDir } from '../../e2e/support/models.js';
import { chaosCase } from '../support/chaos-case.js';
import { echo, type Workload } from '../support/workloads.js';
import type { World } from '../support/world.js';

const KEYS = { chaos: 'chaos-key-that-no-log-may-hold', greedy: 'greedy-key-that-no-log-may-hold' };
/** A batch of two takes about 0.13 s: a runner gets through some 15 jobs a second. */
const ITERATIONS = 4000;
const MANIFEST = 'batching: { max_batch_size: 2, max_queue_delay_ms: 0 }\n';
const QUEUED = 200;

const work: Workload = (random) => echo([random.whole(1, ITERATIONS)]);
const as = (name: keyof typeof KEYS) => ({ authorization: `Bearer ${KEYS[name]}` });

chaosCase(
  {
    name: 'greedy-tenant',
    apps: ['api', 'worker', 'courier'],
    dir: async () => {
      const dir = await modelsDir();
      await copyModel('fixture:slow', path.join(dir, 'slow'));
      await writeFile(path.join(dir, 'slow/model.yaml'), MANIFEST);
      return dir;
    },
    env: {
      API_KEYS: Object.entries(KEYS)
        .map((pair) => pair.join(':'))
        .join(','),
      MAX_QUEUED_JOBS: String(QUEUED),
      MAX_QUEUE_DEPTH: '5000',
    },
    long: { faultMs: 60_000 },
  },
  async (world, { faultMs }) => {
    world.load.start({ ratePerS: 1, workloads: [work], hooked: 0.5, headers: as('chaos') });
    await world.accepted(5);
    const greed = { ratePerS: 150, workloads: [work], hooked: 0.1, headers: as('greedy') };
    await world.fault('ten times what there is room for, of one caller', async () => {
      world.load.start(greed);
      await delay(faultMs);
      await expectRefused(world);
    });
    await world.load.stop();
    while (world.ledger.open.length > 0) await delay(100);
    // Without an answer: its own client could not keep up.
    const strange = world.ledger.refusals.filter(({ status }) => status !== 429 && status !== 0);
    if (strange.length > 0) throw new Error(`refused otherwise: ${JSON.stringify(strange[0])}`);
    const { authorization } = as('chaos');
    const others = [...world.ledger.jobs.values()].filter(
      ({ work: { headers } }) => headers?.['authorization'] === authorization,
    );
    world.promise('19 of 20 jobs of the others are done within', {
      bound: 3000,
      measured: quantile(
        others.map(({ end }) => end?.timing?.total_ms ?? Infinity),
        0.95,
      ),
    });
  },
);

/** The greedy one is refused for what it has queued, and is told when to come again. */
async function expectRefused({ urls }: World): Promise<void> {
  for (;;) {
    const response = await fetch(new URL('/v1/models/slow/predict', urls[0]), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...as('greedy') },
      body: JSON.stringify({ input: [1] }),
    });
    const { code } = (await response.json()) as { code?: string };
    if (response.status === 202) continue;
    const waitS = Number(response.headers.get('retry-after'));
    if (code === 'too-many-queued' && waitS >= 1) return;
    throw new Error(`refused with ${response.status} ${code}, Retry-After ${waitS}`);
  }
}

function quantile(values: number[], share: number): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
}
