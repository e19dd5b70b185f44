import type { OnApplicationShutdown } from '@nestjs/common';
import { ProblemError } from '#libs/contracts';
import { Cluster } from 'ioredis';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';

/** Replicas that do not answer by then are away. */
const TIMEOUT_MS = 1000;

interface Waits {
  underWay: Promise<void>;
  next?: Promise<void> | undefined;
}

/**
 * Waits until replicas have what was written. Redis answers that on a connection which does nothing else meanwhile:
 * one of its own, on which a write comes first, later than all that was answered before. Who asks while an answer
 * is awaited shares the next one.
 */
export class Replication implements OnApplicationShutdown {
  private readonly waits = new Map<string, Waits>();
  private readonly connection: RedisConnection | undefined;

  /** @param replicas how many; 0: nothing is waited for. */
  constructor(
    redis: RedisConnection,
    private readonly keys: Keys,
    private readonly replicas: number,
  ) {
    if (replicas === 0) return;
    this.connection = redis instanceof Cluster ? redis.duplicate() : redis.duplicate();
    this.connection.on('error', () => undefined);
    this.connection.connect().catch(() => undefined);
  }

  onApplicationShutdown(): void {
    this.connection?.disconnect();
  }

  /**
   * Resolves once they have all that Redis has answered about a model.
   * @throws ProblemError `queue-unavailable` where they have not within a second; what Redis threw.
   */
  async reached(model: string): Promise<void> {
    await this.until(this.keys.replicated(model));
  }

  /**
   * Resolves once they have all that Redis has answered about deliveries.
   * @throws as `reached` does.
   */
  couriersReached(): Promise<void> {
    return this.until(this.keys.couriersReplicated);
  }

  private async until(key: string): Promise<void> {
    if (!this.connection) return;
    // Any write will do, but that each master of a cluster has replicas of its own.
    const place = this.connection instanceof Cluster ? key : '';
    const waits = this.waits.get(place) ?? { underWay: Promise.resolve() };
    this.waits.set(place, waits);
    waits.next ??= waits.underWay.then(() => {
      waits.next = undefined;
      const asked = this.ask(key);
      waits.underWay = asked.catch(() => undefined);
      return asked;
    });
    await waits.next;
  }

  private async ask(key: string): Promise<void> {
    const { connection, replicas } = this;
    const answers = await connection?.pipeline().set(key, '').wait(replicas, TIMEOUT_MS).exec();
    for (const [error] of answers ?? []) if (error) throw error;
    const reached = Number(answers?.[1]?.[1]);
    if (reached >= replicas) return;
    const detail = 'It was not copied to enough servers. Send the same request again in a moment.';
    const cause = new Error(`${String(reached)} of ${String(replicas)} replicas have it`);
    throw new ProblemError('queue-unavailable', detail, { retryAfterS: 2, cause });
  }
}
