import type { Redis } from 'ioredis';

const TIMEOUT_MS = 1000;

/** Whether Redis answers, within a second. */
export class RedisHealth {
  constructor(private readonly redis: Redis) {}

  /** @throws Error when it does not. */
  async ping(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`Redis did not answer within ${String(TIMEOUT_MS)} ms`));
      }, TIMEOUT_MS);
    });
    try {
      await Promise.race([this.redis.ping(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
