import type { OnApplicationShutdown } from '@nestjs/common';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';
import { subscribe } from './subscribe.js';

/**
 * Tells all who wait in this process of jobs that have changed, from one connection to Redis. What it
 * tells is only that there may be something new: the record says what, and a change that was missed
 * while the connection was away is healed by waking everybody.
 */
export class JobNews implements OnApplicationShutdown {
  private readonly watchers = new Map<string, Set<() => void>>();
  private stop: (() => void) | undefined;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  /** Nobody hears anything before. */
  async open(): Promise<void> {
    this.stop = await subscribe(
      this.redis,
      this.keys.jobChannel,
      (message) => {
        this.hear(message);
      },
      () => {
        this.wakeAll();
      },
    );
  }

  onApplicationShutdown(): void {
    this.stop?.();
    this.stop = undefined;
  }

  /**
   * Calls `listener` whenever the job may have changed. Look at the record after this, not before, and
   * nothing is missed.
   * @returns stops it.
   */
  watch(id: string, listener: () => void): () => void {
    const listeners = this.watchers.get(id) ?? new Set();
    this.watchers.set(id, listeners.add(listener));
    return () => {
      if (listeners.delete(listener) && listeners.size === 0) this.watchers.delete(id);
    };
  }

  private hear(message: string): void {
    // Every job of the installation comes by here.
    if (this.watchers.size === 0) return;
    for (const id of message.split(' ')) {
      for (const listener of this.watchers.get(id) ?? []) listener();
    }
  }

  private wakeAll(): void {
    for (const listeners of this.watchers.values()) for (const listener of listeners) listener();
  }
}
