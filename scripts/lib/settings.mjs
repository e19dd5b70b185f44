import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PlainError } from './plain-error.mjs';
import { freePort } from './ports.mjs';

/** The little of the environment that the scripts themselves must know; libs/config reads and checks the rest. */

/** When what Redis is told is on disk: before it answers, or within a second or two. */
const DURABILITIES = ['always', 'everysec'];

/** @typedef {Awaited<ReturnType<typeof readSettings>>} Settings */

/**
 * Loads `.env`, if there is one, under what the environment says already.
 *
 * @param {string} root
 */
export function loadDotEnv(root) {
  const path = join(root, '.env');
  if (existsSync(path)) process.loadEnvFile(path);
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
export function dataDirOf(root, env) {
  return resolve(root, env.DATA_DIR || '.foretell');
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @throws {PlainError} PORT is no port, or DURABILITY none that there is
 */
export async function readSettings(root, env) {
  const host = env.HOST || '127.0.0.1';
  const wanted = Number(env.PORT || 3000);
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535) {
    throw new PlainError(`PORT must be a number from 0 to 65535, not "${env.PORT}"`);
  }
  const durability = env.DURABILITY || 'always';
  if (!DURABILITIES.includes(durability)) {
    throw new PlainError(`DURABILITY must be always or everysec, not "${durability}"`);
  }
  // 0 is any free port; which one must be known here, where the API's address is told.
  const port = wanted || (await freePort());
  const reachableHost = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  return {
    host,
    port,
    baseUrl: `http://${reachableHost.includes(':') ? `[${reachableHost}]` : reachableHost}:${port}`,
    dataDir: dataDirOf(root, env),
    redisUrl: env.REDIS_URL || undefined,
    durability,
    // Only who can reach the API from this machine alone may have it call this machine.
    allowsLoopbackWebhooks:
      env.OUTBOUND_ALLOW === undefined &&
      (host === 'localhost' || host === '::1' || host.startsWith('127.')),
  };
}
