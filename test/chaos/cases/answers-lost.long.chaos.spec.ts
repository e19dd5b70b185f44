import { setTimeout as delay } from 'node:timers/promises';
import { linkedCase } from '../support/linked-case.js';
import { runs } from '../support/scripts.js';
import { echoes, irises } from '../support/workloads.js';

const AWAY_MS = [200, 2000] as const;

/** Redis takes submissions, workers run them, and the api that sent them hears nothing more of it. */
linkedCase(
  {
    name: 'answers-lost',
    apps: ['api', 'worker', 'courier'],
    long: { rounds: 60 },
  },
  async (world, network, { rounds }) => {
    const [first] = world.running('worker');
    await world.add('worker', { REDIS_URL: world.redis.url });
    if (first) await world.kill(first, 'SIGTERM');
    world.load.start({
      ratePerS: 30,
      workloads: [echoes, await irises()],
      hooked: 0.7,
      keyed: 0.5,
    });
    for (let i = 0; i < rounds; i++) {
      await world.accepted(20);
      await world.fault('the api loses an answer, and Redis', async () => {
        await network.loseReplies(runs('addPrioritizedJob'));
        network.refuse(true);
        await delay(world.random.whole(...AWAY_MS));
        network.heal();
      });
    }
    await world.accepted(20);
    world.promise('a refusal while Redis is away', {
      bound: 2000,
      measured: Math.max(0, ...world.ledger.refusals.map(({ tookMs }) => tookMs)),
    });
  },
);
