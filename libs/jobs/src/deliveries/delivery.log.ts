import { clock } from '#libs/clock';
import type { DeliveryAttempt, DeliveryView } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from '../keys.js';
import type { RedisConnection } from '../redis.js';
import { jobScriptText, scriptText } from '../script.js';
import {
  type Delivery,
  type DeliveryEvent,
  deliveryId,
  type DeliveryState,
  UNTRIED,
} from './delivery.js';
import { defineRemoveUnchanged, parseScored, removeUnchanged } from './scored.js';

type Args = (string | number)[];

declare module 'ioredis' {
  interface RedisCommander<Context> {
    logAttempt(...args: Args): Result<number, Context>;
    redeliver(...args: Args): Result<number, Context>;
  }
}

/** Attempts of a delivery that are kept. */
const KEPT_ATTEMPTS = 50;
/** A delivery that was given up can be asked for again this long: as long as its job is kept at most. */
const FAILED_KEEP_MS = 8 * 86_400_000;
/** Deliveries that are asked for again at a time: Redis does nothing else meanwhile. */
const CHUNK = 500;
const MAX_REDELIVERED = 10_000;

/** What is to be told of a job's events and what came of it: kept with the job, and as long. */
export class DeliveryLog {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    redis.defineCommand('logAttempt', {
      numberOfKeys: 1,
      lua: scriptText('deliveries/log-attempt.lua'),
    });
    redis.defineCommand('redeliver', {
      numberOfKeys: 4,
      lua: jobScriptText('deliveries/redeliver.lua'),
    });
    defineRemoveUnchanged(redis);
  }

  /** @returns null where the job, or this event of it, is not kept. */
  async find({
    jobId,
    sequence,
  }: Delivery): Promise<{ event: DeliveryEvent; state: DeliveryState } | null> {
    const fields = [String(sequence), `${sequence}:state`];
    const [event, state] = await this.redis.hmget(this.keys.deliveries(jobId), ...fields);
    return event ? { event: JSON.parse(event) as DeliveryEvent, state: parseState(state) } : null;
  }

  /**
   * Keeps what a delivery has come to.
   * @param attempt absent where none was made.
   * @returns how many deliveries of the job are still pending; null where it is kept no longer.
   */
  async write(
    { jobId, sequence }: Delivery,
    state: DeliveryState,
    attempt?: DeliveryAttempt,
  ): Promise<number | null> {
    const open = await this.redis.logAttempt(
      this.keys.deliveries(jobId),
      sequence,
      JSON.stringify(state),
      state.status,
      attempt?.attempt ?? '',
      attempt ? JSON.stringify(attempt) : '',
      KEPT_ATTEMPTS,
      state.asked ?? 0,
    );
    return open < 0 ? null : open;
  }

  /** Deliveries of a job in the order of its events, those with a sequence above `after`. */
  async page(
    jobId: string,
    { after, limit }: { after: number; limit: number },
  ): Promise<{ data: DeliveryView[]; more: boolean }> {
    const sequences = Array.from({ length: limit + 1 }, (_, i) => after + 1 + i);
    const found = await Promise.all(sequences.map((sequence) => this.find({ jobId, sequence })));
    const views = found.slice(0, limit).map(async (known, i) => {
      const delivery = { jobId, sequence: after + 1 + i };
      return known && this.view(delivery, known.event, known.state);
    });
    const data = (await Promise.all(views)).filter((view) => view !== null);
    return { data, more: found[limit] != null };
  }

  /**
   * Has deliveries of a job sent once more, whatever is known of their receiver.
   * @param sequences absent: those that have failed. @returns how many; unknown ones are left out.
   */
  async redeliver(jobId: string, model: string, sequences?: readonly number[]): Promise<number> {
    if (sequences) return this.ask(jobId, model, sequences, false);
    const last = Number(await this.redis.hget(this.keys.record(jobId), 'sequence'));
    let queued = 0;
    for (let after = 0; after < last; after += CHUNK) {
      const count = Math.min(CHUNK, last - after);
      const some = Array.from({ length: count }, (_, i) => after + 1 + i);
      queued += await this.ask(jobId, model, some, true);
    }
    return queued;
  }

  /** A delivery was given up: its owner can ask for all of those together. */
  async gaveUp(owner: string, model: string, { jobId, sequence }: Delivery): Promise<void> {
    const key = this.keys.failedDeliveries(owner);
    const now = clock.now();
    await Promise.all([
      this.redis.zadd(key, now, `${jobId} ${sequence} ${model}`),
      this.redis.zremrangebyscore(key, '-inf', now - FAILED_KEEP_MS),
      this.redis.pexpire(key, FAILED_KEEP_MS),
    ]);
  }

  /**
   * Has the deliveries of a caller sent once more that were given up since then and are failed still.
   * @returns how many, at most 10,000; a repeat goes on.
   */
  async redeliverFailed(owner: string, sinceMs: number): Promise<number> {
    const key = this.keys.failedDeliveries(owner);
    const until = clock.now();
    let queued = 0;
    while (queued < MAX_REDELIVERED) {
      const failed = parseScored(
        await this.redis.zrangebyscore(key, sinceMs, until, 'WITHSCORES', 'LIMIT', 0, CHUNK),
      );
      if (failed.length === 0) break;
      const counts = failed.map(({ member }) => {
        const [jobId = '', sequence, model = ''] = member.split(' ');
        return this.ask(jobId, model, [Number(sequence)], true);
      });
      for (const count of await Promise.all(counts)) queued += count;
      await removeUnchanged(this.redis, key, failed);
    }
    return queued;
  }

  private ask(
    jobId: string,
    model: string,
    sequences: readonly number[],
    failedAlone: boolean,
  ): Promise<number> {
    const { keys } = this;
    return this.redis.redeliver(
      ...[keys.record(jobId), keys.deliveries(jobId), keys.outbox(model), keys.expiries(model)],
      ...[clock.now(), keys.courierChannel, failedAlone ? 1 : 0],
      ...sequences,
    );
  }

  private async view(
    delivery: Delivery,
    { event, at }: DeliveryEvent,
    { status, failure, attempts, nextAt }: DeliveryState,
  ): Promise<DeliveryView> {
    return {
      id: deliveryId(delivery),
      object: 'delivery',
      job_id: delivery.jobId,
      event,
      sequence: delivery.sequence,
      status,
      failure: failure ?? null,
      created_at: new Date(at).toISOString(),
      next_attempt_at: nextAt === undefined ? null : new Date(nextAt).toISOString(),
      attempts,
      attempt_log: await this.attempts(delivery, attempts),
    };
  }

  private async attempts({ jobId, sequence }: Delivery, count: number): Promise<DeliveryAttempt[]> {
    const first = Math.max(1, count - KEPT_ATTEMPTS + 1);
    const fields = Array.from({ length: count - first + 1 }, (_, i) => `${sequence}:${first + i}`);
    if (fields.length === 0) return [];
    const texts = await this.redis.hmget(this.keys.deliveries(jobId), ...fields);
    return texts.flatMap((text) => (text === null ? [] : (JSON.parse(text) as DeliveryAttempt)));
  }
}

function parseState(text: string | null | undefined): DeliveryState {
  return text ? (JSON.parse(text) as DeliveryState) : UNTRIED;
}
