import { setTimeout as delay } from 'node:timers/promises';
import { linkedCase } from '../support/linked-case.js';
import { runs } from '../support/scripts.js';
import { echoes, irises } from '../support/workloads.js';

/** What Redis has done, and whoever asked for it does not hear. */
const STEPS = {
  'a claim of a key': 'claim',
  'a submission: records': 'create-batch',
  'a submission: queue': 'addPrioritizedJob',
  'a take': 'moveToActive',
  'a start': 'begin-batch',
  'a publication': 'publish-batch',
  'an end in the queue': 'moveToFinished',
  'a delivery: put on the schedule': 'schedule',
  'a delivery: off the outbox': 'remove-unchanged',
  'a delivery: taken': 'take',
  'a delivery: written down': 'log-attempt',
  'a delivery: settled': 'settle',
} as const;

/** Between two losses: the connection that broke is back. */
const MOST_PAUSE_MS = 400;

linkedCase(
  {
    name: 'replies-lost',
    apps: ['api', 'api', 'worker', 'worker', 'courier'],
    short: { rounds: 1, silent: 0 },
    long: { rounds: 25, silent: 0.1 },
  },
  async (world, network, { rounds, silent }) => {
    world.load.start({
      ratePerS: 40,
      workloads: [echoes, await irises()],
      hooked: 0.5,
      keyed: 0.3,
    });
    await world.accepted(20);
    for (let round = 0; round < rounds; round++) {
      for (const [step, script] of Object.entries(STEPS)) {
        const after = world.random.chance(silent) ? 'silent' : 'cut';
        await world.fault(`reply lost, connection ${after}: ${step}`, () =>
          network.loseReplies(runs(script), 1, after),
        );
        await delay(world.random.whole(0, MOST_PAUSE_MS));
      }
    }
    await world.accepted(20);
  },
);
