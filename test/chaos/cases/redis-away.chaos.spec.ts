import { setTimeout as delay } from 'node:timers/promises';
import { chaosCase } from '../support/chaos-case.js';
import { throughOutages } from '../support/outage.js';

chaosCase(
  {
    name: 'redis-killed',
    short: { awayMs: [2000] },
    long: { awayMs: [0, 1000, 5000, 0, 20_000, 0, 60_000] },
  },
  async (world, { awayMs }) => {
    await throughOutages(
      world,
      'kill -9 of Redis, which is started again on what it has written',
      awayMs.map((ms) => async () => {
        await world.redis.signal('SIGKILL');
        await delay(ms);
        await world.redis.start();
      }),
    );
  },
);

chaosCase(
  {
    name: 'redis-hangs',
    short: { hungMs: [10_000] },
    long: { hungMs: [1000, 10_000, 3000, 60_000] },
  },
  async (world, { hungMs }) => {
    await throughOutages(
      world,
      'SIGSTOP of Redis, and CONT',
      hungMs.map((ms) => async () => {
        await world.redis.signal('SIGSTOP');
        await delay(ms);
        await world.redis.signal('SIGCONT');
      }),
    );
  },
);

chaosCase(
  {
    name: 'redis-full',
    // That the api looks ahead would keep it from being full.
    env: { MAX_REDIS_MEMORY_PERCENT: '0' },
    short: { fullMs: [5000] },
    long: { fullMs: [1000, 5000, 60_000] },
  },
  async (world, { fullMs }) => {
    await throughOutages(
      world,
      'memory of Redis full',
      fullMs.map((ms) => async () => {
        await world.admin.config('SET', 'maxmemory', '1mb');
        await delay(ms);
        await world.admin.config('SET', 'maxmemory', '0');
      }),
    );
  },
);
