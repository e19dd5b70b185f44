import { Redis } from 'ioredis';

/** Keys that must not be there, or be empty, once all jobs have ended and all webhooks have come. */
const PATTERNS = [
  '*}:waiting:*',
  '*}:start-deadlines:*',
  '*}:outbox:*',
  '*}:parts:*',
  '*}:list:*:queued:*',
  '*}:list:*:running:*',
  '*}:list:*:running',
  '*:couriers}:lanes',
  '*:couriers}:probation',
  '*:couriers}:taken',
  '*:couriers}:probes',
  '*:couriers}:flying',
  '*:couriers}:lane:*',
  '*:couriers}:due:*',
  '*}:predict-*:wait',
  '*}:predict-*:paused',
  '*}:predict-*:active',
  '*}:predict-*:delayed',
  '*}:predict-*:prioritized',
];

/** What is left in queues, sets and lists; of a cluster, at all of its nodes. */
export async function remains(redis: Redis): Promise<string[]> {
  const servers = (await mastersOf(redis)).map((url) => new Redis(url));
  try {
    return (await Promise.all([redis, ...servers].map(remainsAt))).flat();
  } finally {
    for (const server of servers) server.disconnect();
  }
}

/** @returns none where it is no cluster. */
async function mastersOf(redis: Redis): Promise<string[]> {
  if (!(await redis.info('server')).includes('redis_mode:cluster')) return [];
  const lines = ((await redis.cluster('NODES')) as string).split('\n');
  return lines.flatMap((line) => {
    const [, address = '', flags = ''] = line.split(' ');
    const isOther = flags.includes('master') && !/fail|myself/.test(flags);
    return isOther ? [`redis://${address.split('@')[0]}`] : [];
  });
}

async function remainsAt(redis: Redis): Promise<string[]> {
  if ((await redis.info('replication')).includes('role:slave')) return [];
  const found: string[] = [];
  for (const pattern of PATTERNS) {
    for await (const keys of redis.scanStream({ match: pattern, count: 1000 })) {
      for (const key of keys as string[]) {
        const count = await sizeOf(redis, key);
        if (count > 0) found.push(`${key}: ${count}`);
      }
    }
  }
  return found;
}

async function sizeOf(redis: Redis, key: string): Promise<number> {
  const type = await redis.type(key);
  if (type === 'zset') return redis.zcard(key);
  if (type === 'list') return redis.llen(key);
  if (type === 'set') return redis.scard(key);
  if (type === 'hash') return redis.hlen(key);
  return type === 'none' ? 0 : 1;
}
