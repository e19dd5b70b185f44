import { PlainError } from './plain-error.mjs';
import { askRedis } from './resp.mjs';

/**
 * Looks whether the Redis of REDIS_URL can hold jobs, before three apps each fail on it. The messages never show the password.
 *
 * @param {string} redisUrl of a cluster: of some of its nodes, `redis://one:6379,two:6379`
 * @throws {PlainError} it cannot be reached, refuses us, or may evict jobs
 */
export async function checkExternalRedis(redisUrl) {
  /** @type {unknown} */
  let refusal;
  // Of a cluster, one node that answers is enough: the apps look at all of them.
  for (const address of addressesOf(redisUrl)) {
    try {
      return await check(address);
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}

/** @param {string} redisUrl */
function addressesOf(redisUrl) {
  const [, head = '', hosts = '', tail = ''] =
    /^(\w+:\/\/(?:.*@)?)([^/?]*)(.*)$/.exec(redisUrl) ?? [];
  return hosts.split(',').map((host) => `${head}${host}${tail}`);
}

/** @param {string} address */
async function check(address) {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !['redis:', 'rediss:'].includes(url.protocol)) {
    throw new PlainError(
      'REDIS_URL must look like redis://[user:password@]host:port[/db], or rediss:// for TLS',
    );
  }
  const where = `the Redis at ${url.hostname}:${url.port || 6379} (REDIS_URL)`;
  const [pong = '', memory = ''] = await askRedis(url, [['PING'], ['INFO', 'memory']]).catch(
    (error) => {
      throw new PlainError(`${where} cannot be reached: ${error.code ?? error.message}`);
    },
  );
  // A server that is loading its data is a good one; the apps wait for it.
  if (pong.startsWith('-LOADING')) return;
  if (/^-(NOAUTH|WRONGPASS)/.test(pong)) {
    throw new PlainError(
      `${where} wants ${url.password ? 'another' : 'a'} password: REDIS_URL=redis://[user]:password@host:port`,
    );
  }
  if (pong !== '+PONG') throw new PlainError(`${where} answers PING with: ${pong.slice(1)}`);
  // Some services hide it, and then the apps decide.
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  if (policy && policy !== 'noeviction') {
    throw new PlainError(
      `${where} has maxmemory-policy ${policy}, under which it may drop jobs: set it to noeviction`,
    );
  }
}
