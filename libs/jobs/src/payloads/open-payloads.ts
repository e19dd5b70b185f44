import { fileURLToPath } from 'node:url';
import { type Config, ConfigError } from '#libs/config';
import type { Keys } from '../keys.js';
import type { RedisConnection } from '../redis.js';
import { FolderPayloadStore } from './folder.payload.store.js';
import type { PayloadStore } from './payload.store.js';
import { RedisPayloadStore } from './redis.payload.store.js';
import { s3Location } from './s3.location.js';
import { S3PayloadStore } from './s3.payload.store.js';

/**
 * The store that `STORE_URL` names; without one, Redis.
 * @throws ConfigError in plain words when it cannot be written.
 */
export function openPayloads(
  { STORE_URL, ...config }: Config['store'],
  redis: RedisConnection,
  keys: Keys,
): Promise<PayloadStore> {
  if (STORE_URL === undefined) return Promise.resolve(new RedisPayloadStore(redis, keys));
  if (STORE_URL.startsWith('file:')) return FolderPayloadStore.open(folderOf(STORE_URL));
  return S3PayloadStore.open(s3Location(STORE_URL), credentialsOf(config));
}

function folderOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new ConfigError('STORE_URL: write file:///folder, with three slashes', { cause });
  }
}

function credentialsOf(config: Omit<Config['store'], 'STORE_URL'>) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = config;
  if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) {
    throw new ConfigError('STORE_URL: s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  };
}
