import { ConfigError } from '#libs/config';
import { type Cluster, Redis } from 'ioredis';
import { connectCluster } from './redis.cluster.js';
import { field } from './redis.info.js';

/** One server, or all nodes of a Redis Cluster. */
export type RedisConnection = Redis | Cluster;

/** Oldest version whose commands are relied on. */
const MIN_VERSION = [6, 2] as const;
/** A connection on which nothing has come for so long, though something was asked, is given up. */
const SILENCE_MS = 1200;
/** Of the two seconds within which a caller of the api hears that Redis is away. Longer, so that whoever asks next finds no such connection any more. */
const ANSWER_TIMEOUT_MS = 1500;
/** For so long, and so often, connections to a master that has become a replica are renewed. */
const LEAVE_MS = 1000;
const LEAVE_AGAIN_MS = 5000;
/** Longer than any command of a worker or courier waits for its answer, also BullMQ's blocking ones. */
const DEAD_AFTER_MS = 12_000;

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
    ...(failFast
      ? { socketTimeout: SILENCE_MS, commandTimeout: ANSWER_TIMEOUT_MS }
      : { socketTimeout: DEAD_AFTER_MS }),
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2000),
    reconnectOnError: leavesReplica(),
  });
  // Without a listener ioredis prints each failed attempt; its owner reports the state instead.
  redis.on('error', () => undefined);
  return redis;
}

/**
 * Where a name leads to another master than before, the connections to the old one would stay, and be refused each
 * write. One that stays read-only can still be read: all connections are renewed for a moment, and then left alone.
 */
function leavesReplica(): (error: Error) => boolean {
  let since = -Infinity;
  return (error) => {
    if (!error.message.startsWith('READONLY')) return false;
    const now = performance.now();
    if (now > since + LEAVE_AGAIN_MS) since = now;
    return now < since + LEAVE_MS;
  };
}

/**
 * Connects and refuses a Redis that would lose jobs.
 * @param url of one server, or of nodes of a cluster: `redis://one:6379,two:6379`. Any node tells of the others.
 * @throws ConfigError in plain words: unreachable, wants a password, evicts, too old.
 */
export async function openRedis(
  url: string,
  options: { failFast: boolean },
): Promise<RedisConnection> {
  const urls = addressesOf(url);
  const { url: found, info } = await firstThatAnswers(urls);
  checkServer(info);
  const single = connectRedis(found, options);
  if (field(info, 'redis_mode') !== 'cluster') {
    await single.connect();
    return single;
  }
  const cluster = connectCluster(urls, single.options, options.failFast);
  await clusterReady(cluster);
  for (const node of cluster.nodes('master')) checkServer(await node.info());
  return cluster;
}

/** Whether a command may have been carried out that failed so: neither Redis has refused it, nor was it never sent. */
export function mayHaveArrived(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  return error.name !== 'ReplyError' && !error.message.includes('enableOfflineQueue');
}

/** A URL for each address of a list. */
function addressesOf(url: string): string[] {
  const [, head = '', hosts = '', tail = ''] = /^(\w+:\/\/(?:.*@)?)([^/?]*)(.*)$/.exec(url) ?? [];
  return hosts.split(',').map((host) => `${head}${host}${tail}`);
}

/** @throws ConfigError what it came to at the last of them. */
async function firstThatAnswers(urls: readonly string[]): Promise<{ url: string; info: string }> {
  let refusal: unknown;
  for (const url of urls) {
    try {
      return { url, info: await readInfo(url) };
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}

async function readInfo(url: string): Promise<string> {
  const probe = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: 5000 });
  let cause = '';
  probe.on('error', (error) => (cause = error.message));
  try {
    await probe.connect();
    return await probe.info();
  } catch (error) {
    throw new ConfigError(plainWords(cause === '' ? String(error) : cause, url), { cause: error });
  } finally {
    // One that has ended would only start a timer that keeps the process.
    if (probe.status !== 'end') probe.disconnect();
  }
}

/** Also where it is not at first, when the promise of `connect` would never be kept. */
async function clusterReady(cluster: Cluster): Promise<void> {
  const ready = new Promise<void>((resolve) => cluster.once('ready', resolve));
  cluster.connect().catch(() => undefined);
  await ready;
}

function checkServer(info: string): void {
  checkVersion(field(info, 'redis_version'));
  checkPolicy(field(info, 'maxmemory_policy'));
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
