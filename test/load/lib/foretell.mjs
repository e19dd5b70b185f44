import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { apps } from '../../../scripts/lib/apps.mjs';
import { nodePath } from '../../../scripts/lib/install.mjs';
import { rootDir } from '../../../scripts/lib/paths.mjs';
import { Child } from './child.mjs';
import { startOwnRedis } from './own-redis.mjs';

/** @import { System } from './system.mjs' */

/**
 * @typedef {System & {
 *   ended: () => Promise<number>,
 *   loopDelayP99Ms: () => Promise<number>,
 *   pauseWorker: () => void,
 *   resumeWorker: () => void,
 * }} Foretell
 */

/**
 * Foretell as it is installed: its apps with default settings, their logs going to files. It serves the model that is
 * measured, and no other: the rest would be loading still while that one is ready.
 *
 * @param {string} dir
 * @param {object} [options]
 * @param {string} [options.model]
 * @param {NodeJS.ProcessEnv} [options.env] settings other than the defaults
 * @param {boolean} [options.courier] false: callbacks stay undelivered
 * @returns {Promise<Foretell>}
 */
export async function startForetell(dir, { model = 'iris', env: settings, courier = true } = {}) {
  const redis = await startOwnRedis(dir);
  const env = {
    PATH: process.env.PATH,
    REDIS_URL: redis.url,
    PORT: '0',
    MODELS_DIR: settings?.MODELS_DIR ?? modelsDirOf(dir, model),
    ...settings,
  };
  const children = apps
    .filter(({ name }) => courier || name !== 'courier')
    .map(
      ({ name, entry }) =>
        new Child(name, nodePath, ['--enable-source-maps', entry], { dir, env, cwd: rootDir }),
    );
  const urls = await Promise.all(children.map((child) => child.ask()));
  /** @param {string} name */
  const at = (name) => children.findIndex((child) => child.name === name);
  const [api, worker] = [children[at('api')], children[at('worker')]];
  if (!api || !worker) throw new Error('an app is missing');
  const url = String(urls[at('api')]?.url);
  const metrics = async () => (await fetch(`${urls[at('worker')]?.url}/metrics`)).text();
  await api.until(async () => ((await isReady(url)) ? true : undefined));
  const path = `/v1/models/${model}/predict`;
  return {
    name: 'foretell',
    url,
    paths: { single: path, batch: path },
    ended: async () => sum(await metrics(), 'foretell_jobs_ended_total'),
    loopDelayP99Ms: async () => sum(await metrics(), 'nodejs_eventloop_lag_p99_seconds') * 1000,
    processes: [redis.named, ...children.map(({ name, pid }) => ({ name, pid }))],
    pauseWorker: () => worker.signal('SIGSTOP'),
    resumeWorker: () => worker.signal('SIGCONT'),
    stop: async () => {
      await api.stop();
      await Promise.all(children.map((child) => child.stop()));
      await redis.stop();
    },
  };
}

/**
 * @param {string} dir
 * @param {string} model of those that come with it
 */
function modelsDirOf(dir, model) {
  const folder = join(dir, 'models');
  mkdirSync(folder, { recursive: true });
  symlinkSync(join(rootDir, 'models', model), join(folder, model));
  return folder;
}

/** @param {string} url */
async function isReady(url) {
  return (await fetch(`${url}/health/ready`).catch(() => undefined))?.status === 200;
}

/**
 * @param {string} text in Prometheus' format
 * @param {string} metric
 * @returns {number} of all its series
 */
function sum(text, metric) {
  const lines = text.split('\n').filter((line) => /^[a-z0-9_]+/.exec(line)?.[0] === metric);
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}
