import type { OnApplicationShutdown } from '@nestjs/common';
import type { WebhookTarget } from '#libs/contracts';
import type { Redis } from 'ioredis';
import type { Keys } from './keys.js';
import { subscribe } from './subscribe.js';

/** From a look that failed, as Redis is away, to the next. */
const LOOK_AGAIN_MS = 1000;

/**
 * The webhooks that owners have set for jobs which do not name one. All are kept in memory, as every submission
 * looks for one; each process is told of a change and then reads them all again.
 */
export class WebhookDefaults implements OnApplicationShutdown {
  private targets: ReadonlyMap<string, WebhookTarget> = new Map();
  /** Looks are taken one after the other, so that an older answer never replaces a newer one. */
  private look = Promise.resolve();
  private again: NodeJS.Timeout | undefined;
  private stop: (() => void) | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** Nothing is known before. */
  async open(): Promise<void> {
    const heard = () => {
      this.follow();
    };
    this.stop = await subscribe(this.redis, this.keys.webhookDefaultsChannel, heard, heard);
    await this.read();
  }

  onApplicationShutdown(): void {
    this.stop?.();
    clearTimeout(this.again);
  }

  get(owner: string): WebhookTarget | null {
    return this.targets.get(owner) ?? null;
  }

  /** Holds at once in this process, and in others as soon as they hear of it. */
  async set(owner: string, target: WebhookTarget): Promise<void> {
    const { webhookDefaults, webhookDefaultsChannel } = this.keys;
    await this.redis
      .multi()
      .hset(webhookDefaults, owner, JSON.stringify(target))
      .publish(webhookDefaultsChannel, owner)
      .exec();
    await this.read();
  }

  /** There need not be one. */
  async remove(owner: string): Promise<void> {
    const { webhookDefaults, webhookDefaultsChannel } = this.keys;
    await this.redis
      .multi()
      .hdel(webhookDefaults, owner)
      .publish(webhookDefaultsChannel, owner)
      .exec();
    await this.read();
  }

  private follow(): void {
    this.read().catch(() => {
      clearTimeout(this.again);
      this.again = setTimeout(() => {
        this.follow();
      }, LOOK_AGAIN_MS).unref();
    });
  }

  private read(): Promise<void> {
    const next = this.look.then(async () => {
      const found = await this.redis.hgetall(this.keys.webhookDefaults);
      this.targets = new Map(
        Object.entries(found).map(([owner, text]) => [owner, JSON.parse(text) as WebhookTarget]),
      );
    });
    this.look = next.catch(() => undefined);
    return next;
  }
}
