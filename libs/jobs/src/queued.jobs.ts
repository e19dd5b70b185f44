import { createdAtOf } from './job-id.js';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';

/** Jobs that are looked at for the oldest. */
const LOOK = 100;

/** How many jobs are queued. */
export class QueuedJobs {
  /** Looks of this turn of the event loop, by owner. */
  private readonly looks = new Map<string, Promise<ReadonlyMap<string, number>>>();

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  /** Queued jobs of an owner, by model. Those who ask in the same turn of the event loop share an answer. */
  of(owner: string, models: readonly string[]): Promise<ReadonlyMap<string, number>> {
    let look = this.looks.get(owner);
    if (!look) {
      look = this.lengths(models, (model) => `${this.keys.listPrefix(model)}queued:${owner}`);
      this.looks.set(owner, look);
      setImmediate(() => this.looks.delete(owner));
    }
    return look;
  }

  /** Queued jobs of all owners, by model. */
  depths(models: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.lengths(models, (model) => this.keys.waiting(model));
  }

  /**
   * When the oldest queued job was accepted, ms since the epoch, by model; of the next `LOOK` in their
   * order, as all would be too many to look at. Whoever waits longest is near the front.
   */
  async oldest(models: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const times = await Promise.all(models.map((model) => this.oldestOf(model)));
    return new Map(
      models.flatMap((model, i) => (times[i] === undefined ? [] : [[model, times[i]]])),
    );
  }

  private async oldestOf(model: string): Promise<number | undefined> {
    const ids = await this.redis.zrange(this.keys.waiting(model), 0, String(LOOK - 1));
    return ids.length === 0 ? undefined : Math.min(...ids.map((id) => createdAtOf(id)));
  }

  private async lengths(
    models: readonly string[],
    keyOf: (model: string) => string,
  ): Promise<ReadonlyMap<string, number>> {
    const lengths = await Promise.all(models.map((model) => this.redis.zcard(keyOf(model))));
    return new Map(models.map((model, i) => [model, lengths[i] ?? 0]));
  }
}
