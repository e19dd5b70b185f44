import type { Config } from '#libs/config';
import { ApiKeyStore } from './api-key.store.js';
import { Keys } from './keys.js';
import { openRedis } from './redis.js';

/**
 * The stored keys by themselves, for a command that runs beside the apps.
 * @throws ConfigError as `openRedis` does.
 */
export async function openApiKeyStore({
  redis,
}: Config): Promise<{ store: ApiKeyStore; close: () => void }> {
  const connection = await openRedis(redis.REDIS_URL, { failFast: true });
  const store = new ApiKeyStore(connection, new Keys(redis.KEY_PREFIX));
  return {
    store,
    close: () => {
      connection.disconnect();
    },
  };
}
