import { nodePath } from '../../../scripts/lib/install.mjs';
import { Child } from './child.mjs';

/**
 * Starts a Redis of a system's own under `dir`, empty, as `npm start` would.
 *
 * @param {string} dir
 */
export async function startOwnRedis(dir) {
  const script = new URL('redis.process.mjs', import.meta.url).pathname;
  const child = new Child('redis', nodePath, [script, dir], { dir });
  const { url, pid } = await child.ask();
  return {
    url: String(url),
    named: { name: 'redis', pid: Number(pid) },
    stop: () => child.stop(),
  };
}
