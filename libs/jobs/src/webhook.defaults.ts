import type { OnApplicationShutdown } from '@nestjs/common';
import type { WebhookTarget } from '#libs/contracts';
import type { Keys } from './keys.js';
import { Mirror } from './mirror.js';
import type { RedisConnection } from './redis.js';

/** The webhooks that owners have set for jobs which do not name one; every submission looks for one. */
export class WebhookDefaults implements OnApplicationShutdown {
  private targets: ReadonlyMap<string, WebhookTarget> = new Map();
  private readonly mirror: Mirror<Record<string, string>>;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    this.mirror = new Mirror(
      redis,
      keys.webhookDefaultsChannel,
      () => redis.hgetall(keys.webhookDefaults),
      (found) => {
        this.targets = new Map(
          Object.entries(found).map(([owner, text]) => [owner, JSON.parse(text) as WebhookTarget]),
        );
      },
    );
  }

  /** Nothing is known before. */
  open(): Promise<void> {
    return this.mirror.open();
  }

  onApplicationShutdown(): void {
    this.mirror.close();
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
    await this.mirror.look();
  }

  /** There need not be one. */
  async remove(owner: string): Promise<void> {
    const { webhookDefaults, webhookDefaultsChannel } = this.keys;
    await this.redis
      .multi()
      .hdel(webhookDefaults, owner)
      .publish(webhookDefaultsChannel, owner)
      .exec();
    await this.mirror.look();
  }
}
