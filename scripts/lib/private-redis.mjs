import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readIdentity } from './lock.mjs';
import { identify, isAlive } from './process-identity.mjs';

/** @import { ProcessIdentity } from './process-identity.mjs' */

/**
 * Who works on a folder of Redis: which process, and where it listens.
 *
 * @typedef {ProcessIdentity & { port?: number }} RedisProcess
 */

/**
 * @param {string} dir
 * @returns {RedisProcess | undefined} the one that was told last; it may be gone
 */
export function readRedisProcess(dir) {
  return readIdentity(pathIn(dir));
}

/**
 * @param {string} dir
 * @param {number} pid
 * @param {number} port
 */
export function tellRedisProcess(dir, pid, port) {
  writeFileSync(pathIn(dir), JSON.stringify({ ...identify(pid), port }));
}

/**
 * @param {string} dataDir absolute
 * @returns {string | undefined} where the private Redis of a running `npm start` is; undefined when none runs
 */
export function privateRedisUrl(dataDir) {
  const running = readRedisProcess(join(dataDir, 'redis'));
  if (!running?.port || !isAlive(running)) return undefined;
  return `redis://127.0.0.1:${running.port}`;
}

/** @param {string} dir */
function pathIn(dir) {
  return join(dir, 'redis-process.json');
}
