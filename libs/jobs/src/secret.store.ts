import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keys } from './keys.js';

/** Secrets that an installation makes for itself where none are configured. */
export class SecretStore {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** The secret that signs webhooks, made once, so that every courier signs alike. */
  async webhookSecret(): Promise<string> {
    const key = this.keys.webhookSecret;
    await this.redis.setnx(key, `whsec_${randomBytes(32).toString('base64')}`);
    const secret = await this.redis.get(key);
    if (secret === null) throw new Error('Redis lost the webhook secret that was just written');
    return secret;
  }
}
