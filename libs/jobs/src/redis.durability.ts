import type { Redis } from 'ioredis';
import { ConfigError, type Durability } from '#libs/config';
import { mastersOf } from './redis.cluster.js';
import { field } from './redis.info.js';
import type { RedisConnection } from './redis.js';

/**
 * Looks whether Redis keeps what it is told as the setting says; of a cluster, every master.
 * @param wanted absent: nothing was promised, and only what would be lost with the process is warned of.
 * @throws ConfigError where it keeps less.
 */
export async function checkDurability(
  redis: RedisConnection,
  wanted: Durability | undefined,
  warn: (message: string) => void,
): Promise<void> {
  for (const server of mastersOf(redis)) {
    if (field(await server.info('persistence'), 'aof_enabled') === '0') {
      const what = 'this Redis has no append-only file, and loses jobs when it ends';
      if (wanted !== undefined) throw new ConfigError(`DURABILITY: ${what} (appendonly no)`);
      warn(`${what}; set appendonly yes`);
    } else if (wanted !== undefined) await checkSync(server, wanted, warn);
  }
}

async function checkSync(
  server: Redis,
  wanted: Durability,
  warn: (message: string) => void,
): Promise<void> {
  const policy = await server.config('GET', 'appendfsync').then(
    (answer) => answer[1],
    () => undefined,
  );
  if (policy === undefined) {
    warn(`DURABILITY: this Redis does not tell its appendfsync; see that it is ${wanted}`);
  } else if (policy !== 'always' && policy !== wanted) {
    throw new ConfigError(
      `DURABILITY: this Redis has appendfsync ${policy}, not ${wanted}; set it there (CONFIG SET appendfsync ${wanted})`,
    );
  }
}
