import type { OnApplicationShutdown } from '@nestjs/common';
import type { RolloutChange } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from './keys.js';
import { Mirror } from './mirror.js';
import type { RedisConnection } from './redis.js';
import { scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    changeRollout(...args: (string | number)[]): Result<number, Context>;
  }
}

/** Changes of a model that are kept for audit. */
const KEPT_CHANGES = 100;

/** The rollouts of all models; every process keeps a copy, as every submission asks for one. */
export class Rollouts implements OnApplicationShutdown {
  private changes: ReadonlyMap<string, RolloutChange> = new Map();
  private readonly listeners: (() => void)[] = [];
  private readonly mirror: Mirror<Record<string, string>>;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    redis.defineCommand('changeRollout', {
      numberOfKeys: 2,
      lua: scriptText('change-rollout.lua'),
    });
    this.mirror = new Mirror(
      redis,
      keys.rolloutsChannel,
      () => redis.hgetall(keys.rollouts),
      (found) => {
        this.changes = new Map(
          Object.entries(found).map(([model, text]) => [model, JSON.parse(text) as RolloutChange]),
        );
        for (const listener of this.listeners) listener();
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

  /** The latest change of a model's rollout, which says what holds now; undefined where there was none. */
  get(model: string): RolloutChange | undefined {
    return this.changes.get(model);
  }

  /** Models of which there is one, or was. */
  get models(): Iterable<string> {
    return this.changes.keys();
  }

  /** Calls `listener` when this process has looked again: rollouts may have changed. */
  onLooked(listener: () => void): void {
    this.listeners.push(listener);
  }

  /**
   * Holds at once in this process, and in others as soon as they hear of it.
   * @param from revision that it must have had: 0 for none; absent: any.
   * @returns false where it had another one.
   */
  async change(
    model: string,
    change: Omit<RolloutChange, 'revision'>,
    from?: number,
  ): Promise<boolean> {
    const { rollouts, rolloutsChannel } = this.keys;
    const revision = await this.redis.changeRollout(
      rollouts,
      this.keys.rolloutLog(model),
      model,
      from ?? '',
      JSON.stringify(change),
      KEPT_CHANGES,
      rolloutsChannel,
    );
    await this.mirror.look();
    return revision > 0;
  }

  /** The newest first. */
  async log(model: string): Promise<RolloutChange[]> {
    const texts = await this.redis.lrange(this.keys.rolloutLog(model), 0, '-1');
    return texts.map((text) => JSON.parse(text) as RolloutChange);
  }
}
