import { nodePath } from '../../../scripts/lib/install.mjs';
import { rootDir } from '../../../scripts/lib/paths.mjs';
import { Child } from '../lib/child.mjs';
import { startOwnRedis } from '../lib/own-redis.mjs';

/** @import { System } from '../lib/system.mjs' */

/**
 * The barest thing that could do it: an API, a queue, a worker, a runner; no checks, no records, no logs.
 *
 * @param {string} dir
 * @returns {Promise<System>}
 */
export async function startFloor(dir) {
  const redis = await startOwnRedis(dir);
  const env = { PATH: process.env.PATH, REDIS_URL: redis.url };
  /** @param {string} name */
  const start = (name) =>
    new Child(name, nodePath, [`test/load/floor/${name}.process.mjs`], { dir, env, cwd: rootDir });
  const [api, worker] = [start('api'), start('worker')];
  const [{ url }] = await Promise.all([api.ask(), worker.ask()]);
  return {
    name: 'floor',
    url,
    paths: { single: '/predict', batch: '/predict' },
    ended: async () => (await worker.ask('ended')).ended,
    processes: [redis.named, { name: 'api', pid: api.pid }, { name: 'worker', pid: worker.pid }],
    stop: async () => {
      await Promise.all([api.stop(), worker.stop()]);
      await redis.stop();
    },
  };
}
