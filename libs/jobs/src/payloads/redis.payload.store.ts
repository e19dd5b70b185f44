import type { Keys } from '../keys.js';
import type { RedisConnection } from '../redis.js';
import type { Payload, PayloadStore } from './payload.store.js';

/** Payloads in Redis, each a key of its own: neither a record nor a script grows with them. */
export class RedisPayloadStore implements PayloadStore {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  async put(payload: Payload, text: string): Promise<void> {
    await this.redis.set(this.keys.payload(payload), text);
  }

  async get(payload: Payload): Promise<string | null> {
    return this.redis.get(this.keys.payload(payload));
  }

  async delete(payloads: readonly Payload[]): Promise<void> {
    // A command for each, as they need not share a slot.
    await Promise.all(payloads.map((payload) => this.redis.unlink(this.keys.payload(payload))));
  }
}
