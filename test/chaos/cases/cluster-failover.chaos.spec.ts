import { afterEach } from '@jest/globals';
import { chaosCase } from '../support/chaos-case.js';
import { RedisCluster } from '../support/redis.cluster.js';
import type { RedisProcess } from '../support/redis.process.js';
import { echoes, irises } from '../support/workloads.js';

type Ways = [
  stop: (node: RedisProcess) => Promise<void>,
  start: (node: RedisProcess) => Promise<void>,
];
const KILL: Ways = [(node) => node.signal('SIGKILL'), (node) => node.start()];
const PAUSE: Ways = [(node) => node.signal('SIGSTOP'), (node) => node.signal('SIGCONT')];

let cluster: RedisCluster;

afterEach(async () => {
  await cluster.stop();
});

chaosCase(
  {
    name: 'cluster-failover',
    apps: ['api', 'worker', 'worker', 'courier'],
    redis: async () => {
      cluster = await RedisCluster.start();
      return cluster.first;
    },
    through: () => Promise.resolve({ REDIS_URL: cluster.url, WAIT_REPLICAS: '1' }),
    short: { kills: 1, pauses: 1 },
    long: { kills: 15, pauses: 15 },
  },
  async (world, { kills, pauses }) => {
    world.load.start({
      ratePerS: 20,
      workloads: [echoes, await irises()],
      hooked: 0.3,
      keyed: 0.3,
    });
    const replace = async (name: string, [stop, start]: Ways) => {
      await world.accepted(world.random.whole(5, 60));
      const master = world.random.pick(await cluster.masters());
      await world.fault(name, async () => {
        await stop(master);
        await cluster.hasReplaced(master);
      });
      await start(master);
      await cluster.hasFollowed(master);
    };
    for (let i = 0; i < kills; i++) await replace('kill -9 of a master', KILL);
    // It takes itself for a master still when it comes back, and hears what it was told meanwhile.
    for (let i = 0; i < pauses; i++) await replace('SIGSTOP of a master', PAUSE);
    await world.accepted(20);
  },
);
