import type { Keys } from '../keys.js';
import type { RedisConnection } from '../redis.js';
import { subscribe } from '../subscribe.js';
import { defineRemoveUnchanged, parseScored, removeUnchanged, type Scored } from './scored.js';

/**
 * The events that the scripts which change jobs put out, in the very step that makes them happen. They stay
 * until they are in the schedule, so that nothing is lost whoever dies in between. Members: see `parseMember`;
 * scores: when they are due, ms since the epoch.
 */
export class Outbox {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    defineRemoveUnchanged(redis);
  }

  /** The first ones of a model, at most `limit`. */
  async first(model: string, limit: number): Promise<Scored[]> {
    return parseScored(
      await this.redis.zrange(this.keys.outbox(model), 0, String(limit - 1), 'WITHSCORES'),
    );
  }

  /** They are in the schedule. */
  clear(model: string, owed: readonly Scored[]): Promise<void> {
    return removeUnchanged(this.redis, this.keys.outbox(model), owed);
  }

  /**
   * Calls `listener` with a model whose outbox has something in it, with null where that may be any.
   * @returns stops listening.
   */
  onOwed(listener: (model: string | null) => void): Promise<() => void> {
    return subscribe(
      this.redis,
      this.keys.courierChannel,
      (outbox) => {
        listener(this.keys.modelOfOutbox(outbox));
      },
      () => {
        listener(null);
      },
    );
  }
}
