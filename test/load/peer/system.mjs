import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { rootDir } from '../../../scripts/lib/paths.mjs';
import { askRedis } from '../../../scripts/lib/resp.mjs';
import { MODEL_FILE } from '../floor/iris.mjs';
import { Child } from '../lib/child.mjs';
import { startOwnRedis } from '../lib/own-redis.mjs';

/** @import { System } from '../lib/system.mjs' */

const PATHS = { single: '/predict', batch: '/predict-batch' };
const cwd = join(rootDir, 'test/load/peer');

/** @param {string} [redisUrl] */
function environment(redisUrl) {
  return {
    PATH: process.env.PATH,
    IRIS_MODEL: join(rootDir, MODEL_FILE),
    PYTHONDONTWRITEBYTECODE: '1',
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
  };
}

/**
 * @param {string} bin
 * @param {string} app
 * @param {object} options
 * @param {string} options.dir
 * @param {NodeJS.ProcessEnv} options.env
 * @param {number} [options.workers] processes
 */
async function startServer(bin, app, { dir, env, workers = 1 }) {
  // A free one, which it tells: one looked for beforehand may be gone by the time that Python has loaded.
  const args = [
    app,
    '--port',
    '0',
    '--workers',
    String(workers),
    '--no-access-log',
    '--no-use-colors',
  ];
  const child = new Child('api', join(bin, 'uvicorn'), args, { dir, env, cwd, talks: false });
  const url = await child.until(async () => /running on (http:\S+)/.exec(child.lastLines())?.[1]);
  await child.until(async () => {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    return answer?.ok ? true : undefined;
  });
  return { url, child };
}

/**
 * FastAPI + Celery + Redis: one API process, a Celery process a core.
 *
 * @param {string} bin
 * @param {string} dir
 * @returns {Promise<System>}
 */
export async function startPeer(bin, dir) {
  const redis = await startOwnRedis(dir);
  const env = environment(redis.url);
  const cores = String(availableParallelism());
  const celery = new Child(
    'worker',
    join(bin, 'celery'),
    ['-A', 'tasks', 'worker', '--concurrency', cores, '--loglevel', 'warning'],
    { dir, env, cwd, talks: false },
  );
  const { url, child: api } = await startServer(bin, 'api:app', { dir, env });
  const results = async () => {
    const [stats = ''] = await askRedis(new URL(redis.url), [['INFO', 'commandstats']]);
    return Number(/^cmdstat_setex:calls=(\d+)/m.exec(stats)?.[1] ?? 0);
  };
  return {
    name: 'peer',
    url,
    paths: PATHS,
    // Celery writes a result with one SETEX, and nothing else so. Keys come and go with its queues, and cannot be counted.
    ended: results,
    processes: [redis.named, { name: 'api', pid: api.pid }, { name: 'worker', pid: celery.pid }],
    stop: async () => {
      await Promise.all([api.stop(), celery.stop()]);
      await redis.stop();
    },
  };
}

/**
 * A FastAPI server that answers with the prediction: as it is mostly written, in one process.
 *
 * @param {string} bin
 * @param {string} dir
 * @returns {Promise<System>}
 */
export function startPlain(bin, dir) {
  return startSynchronous(bin, dir, { name: 'plain', app: 'plain:app', workers: 1 });
}

/**
 * The same at its best, a process a core.
 *
 * @param {string} bin
 * @param {string} dir
 * @returns {Promise<System>}
 */
export function startTuned(bin, dir) {
  const workers = availableParallelism();
  return startSynchronous(bin, dir, { name: 'plain-tuned', app: 'tuned:app', workers });
}

/**
 * @param {string} bin
 * @param {string} dir
 * @param {{ name: string, app: string, workers: number }} server
 * @returns {Promise<System>}
 */
async function startSynchronous(bin, dir, { name, app, workers }) {
  const { url, child } = await startServer(bin, app, { dir, env: environment(), workers });
  return {
    name,
    url,
    paths: PATHS,
    processes: [{ name: 'api', pid: child.pid }],
    stop: () => child.stop(),
  };
}
