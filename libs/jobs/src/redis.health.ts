import type { Redis } from 'ioredis';

const TIMEOUT_MS = 1000;

export interface RedisMemory {
  usedBytes: number;
  /** 0: no limit. */
  maxBytes: number;
}

/** Whether Redis answers, within a second, and how full it is. */
export class RedisHealth {
  constructor(private readonly redis: Redis) {}

  /** Whether the connection stands; one that hangs still does. */
  get isUp(): boolean {
    return this.redis.status === 'ready';
  }

  /** Calls `listener` whenever a connection that stood is lost. */
  onDown(listener: () => void): void {
    let wasUp = this.isUp;
    this.redis.on('ready', () => (wasUp = true));
    // Also told of every attempt that fails.
    this.redis.on('close', () => {
      if (wasUp) listener();
      wasUp = false;
    });
  }

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

  async memory(): Promise<RedisMemory> {
    const info = await this.redis.info('memory');
    const bytes = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    return { usedBytes: bytes('used_memory'), maxBytes: bytes('maxmemory') };
  }
}
