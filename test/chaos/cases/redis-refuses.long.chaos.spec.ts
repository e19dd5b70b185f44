import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { chaosCase } from '../support/chaos-case.js';
import { throughOutages } from '../support/outage.js';
import { RedisProcess } from '../support/redis.process.js';
import type { World } from '../support/world.js';

/** What is written beyond a limit on the size of files fails then, as on a full disk, rather than ends the process. */
const SURVIVING_LIMITS = ['sh', '-c', 'trap "" XFSZ; exec "$@"', 'sh'];

chaosCase(
  {
    name: 'redis-disk-full-everysec',
    redis: () => RedisProcess.start(['--appendfsync', 'everysec'], { through: SURVIVING_LIMITS }),
    long: { fullMs: [2000, 10_000, 30_000] },
  },
  async (world, { fullMs }) => {
    await throughOutages(
      world,
      'disk of Redis full, so that it refuses writes',
      fullMs.map((ms) => async () => {
        limitFiles(world.redis, '1');
        await delay(ms);
        limitFiles(world.redis, 'unlimited');
      }),
    );
  },
);

chaosCase(
  {
    name: 'redis-disk-full-always',
    redis: () => RedisProcess.start([], { through: SURVIVING_LIMITS }),
    long: { fullMs: [1000, 10_000] },
  },
  async (world, { fullMs }) => {
    await throughOutages(
      world,
      'disk of Redis full, at which it ends, and is started again once there is room',
      fullMs.map((ms) => async () => {
        const ended = world.redis.ended;
        limitFiles(world.redis, '1');
        await ended;
        await delay(ms);
        await world.redis.start();
      }),
    );
  },
);

chaosCase(
  { name: 'redis-read-only', long: { readOnlyMs: [1000, 8000, 30_000] } },
  async (world, { readOnlyMs }) => {
    await throughOutages(
      world,
      'Redis made a replica, and a master again',
      readOnlyMs.map((ms) => async () => {
        await world.admin.replicaof('127.0.0.1', '1');
        await delay(ms);
        await world.admin.replicaof('NO', 'ONE');
      }),
    );
  },
);

chaosCase(
  { name: 'redis-without-replicas', long: { lonelyMs: [1000, 8000, 30_000] } },
  async (world, { lonelyMs }) => {
    await throughOutages(
      world,
      'too few replicas to write',
      lonelyMs.map((ms) => async () => {
        await world.admin.config('SET', 'min-replicas-to-write', '1');
        await delay(ms);
        await world.admin.config('SET', 'min-replicas-to-write', '0');
      }),
    );
  },
);

chaosCase({ name: 'script-flush', long: { flushes: 300 } }, async (world, { flushes }) => {
  await throughOutages(world, 'SCRIPT FLUSH again and again', [() => flush(world, flushes)]);
});

async function flush({ admin, random }: World, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await admin.script('FLUSH');
    await delay(random.whole(1, 100));
  }
}

/** @param bytes that a file may have; `unlimited`. */
function limitFiles({ pid }: RedisProcess, bytes: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
}
