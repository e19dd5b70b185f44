import { setTimeout as delay } from 'node:timers/promises';
import { afterAll } from '@jest/globals';
import { startTestS3, type TestS3 } from '#libs/testing';
import { chaosCase } from '../support/chaos-case.js';
import { echoes, type Workload } from '../support/workloads.js';

/** Inputs and outputs beyond it are in the store. */
const INLINE_LIMIT_BYTES = 1024;
const ROWS = 800;

/** Input and outputs are larger than what stays in the record. */
const large: Workload = (random) => {
  const inputs = Array.from({ length: ROWS }, () => [random.whole(1, 9)]);
  const outputs = inputs.map((input) => ({ echo: input }));
  return {
    model: 'slow',
    body: { inputs },
    check: (view) =>
      view.status === 'succeeded' && JSON.stringify(view.outputs) === JSON.stringify(outputs)
        ? view.attempts === 1
          ? null
          : `${view.attempts} attempts`
        : `${view.status} ${JSON.stringify(view.error)}`,
  };
};

let s3: TestS3;
afterAll(() => s3.stop());

chaosCase(
  {
    name: 'store-away',
    apps: ['api', 'worker', 'courier'],
    models: ['fixture:slow'],
    through: async () => {
      s3 = await startTestS3();
      return {
        STORE_URL: s3.url,
        ...s3.credentials,
        INLINE_LIMIT_BYTES: String(INLINE_LIMIT_BYTES),
      };
    },
    long: { awayMs: 40_000 },
  },
  async (world, { awayMs }) => {
    world.load.start({ ratePerS: 10, workloads: [echoes], hooked: 0.5 });
    world.load.start({ ratePerS: 10, workloads: [large], hooked: 0.5, keyed: 0.3 });
    await world.accepted(60);
    await world.fault('the store is gone', async () => {
      await s3.goAway();
      await delay(awayMs);
      await s3.comeBack();
    });
    await world.accepted(60);
    await world.fault('the store hangs', async () => {
      s3.hang();
      await delay(awayMs);
      s3.goOn();
    });
  },
);
