import { ConfigError } from '#libs/config';
import { Redis } from 'ioredis';

/** Oldest version whose commands are relied on. */
const MIN_VERSION = [6, 2] as const;
const ANSWER_TIMEOUT_MS = 5000;

/**
 * A connection for commands.
 * @param failFast commands fail at once while Redis is away instead of queueing up in memory: for
 *   the api, which owes its caller an answer. BullMQ workers wait instead.
 */
function connectRedis(url: string, { failFast }: { failFast: boolean }): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    // Commands of one turn of the event loop leave in one write: a batch's 64 completions, say.
    enableAutoPipelining: true,
    maxRetriesPerRequest: failFast ? 1 : null,
    enableOfflineQueue: !failFast,
    // A Redis that hangs is as good as gone to whoever waits for an answer.
    ...(failFast ? { socketTimeout: ANSWER_TIMEOUT_MS } : {}),
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2000),
  });
  // Without a listener ioredis prints each failed attempt; its owner reports the state instead.
  redis.on('error', () => undefined);
  return redis;
}

/**
 * Connects and refuses a Redis that would lose jobs.
 * @throws ConfigError in plain words: unreachable, wants a password, evicts, too old.
 */
export async function openRedis(url: string, options: { failFast: boolean }): Promise<Redis> {
  await checkRedis(url);
  const redis = connectRedis(url, options);
  await redis.connect();
  return redis;
}

async function checkRedis(url: string): Promise<void> {
  const probe = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: 5000 });
  let cause = '';
  probe.on('error', (error) => (cause = error.message));
  try {
    await probe.connect();
    const info = await probe.info();
    checkVersion(field(info, 'redis_version'));
    checkPolicy(field(info, 'maxmemory_policy'));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(plainWords(cause === '' ? String(error) : cause, url), { cause: error });
  } finally {
    // One that has ended would only start a timer that keeps the process.
    if (probe.status !== 'end') probe.disconnect();
  }
}

function plainWords(message: string, url: string): string {
  if (/NOAUTH|WRONGPASS|NOPERM|invalid username-password|\bERR AUTH\b/.test(message)) {
    return 'REDIS_URL: Redis wants another user or password; write redis://user:password@host:port';
  }
  return `REDIS_URL: no Redis answers at ${withoutCredentials(url)} (${message})`;
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//');
}

function checkVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) {
    throw new ConfigError(
      `REDIS_URL: Redis ${version} is too old; ${MIN_VERSION.join('.')} or newer is needed`,
    );
  }
}

function checkPolicy(policy: string): void {
  if (policy !== 'noeviction' && policy !== '') {
    throw new ConfigError(
      `REDIS_URL: this Redis evicts keys (maxmemory-policy ${policy}) and would lose jobs; ` +
        'set it to noeviction (CONFIG SET maxmemory-policy noeviction)',
    );
  }
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
}
