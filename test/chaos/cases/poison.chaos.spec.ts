import { chaosCase } from '../support/chaos-case.js';
import { innocent, POISON_NAMES, poisonedModels, poisonous } from '../support/poison.js';
import { echoes } from '../support/workloads.js';

/** Those that share a full batch with a poisonous one. */
const MATES = 31;

chaosCase(
  {
    name: 'poison',
    apps: ['api', 'worker', 'courier'],
    env: { RUNNER_MEMORY_MB: '512' },
    dir: () => poisonedModels('fixture:slow'),
    short: { rounds: 1 },
    long: { rounds: 10 },
  },
  async (world, { rounds }) => {
    const { load, random } = world;
    load.start({ ratePerS: 5, workloads: [echoes], hooked: 0.3 });
    for (let round = 0; round < rounds; round++) {
      for (const poison of POISON_NAMES) {
        const batch = Array.from({ length: MATES }, () => innocent(random.whole(1, 8)));
        batch.splice(random.whole(0, MATES), 0, poisonous(poison));
        await world.fault(`an input that would ${poison}`, async () => {
          const sent = await Promise.all(batch.map((work) => load.submit(work, { hooked: true })));
          await world.ended(sent.filter((job) => job !== undefined));
        });
      }
    }
  },
);
