import { createHash } from 'node:crypto';
import { clock } from '#libs/clock';
import type { AttemptOutcome, ReceiverView } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from '../keys.js';
import type { RedisConnection } from '../redis.js';
import { scriptText } from '../script.js';
import { parseScored } from './scored.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    receiverFailed(...args: (string | number)[]): Result<0 | 1, Context>;
  }
}

/** A receiver to which nothing was sent for so long is thought of no more. */
const REMEMBERED_MS = 30 * 86_400_000;

/** Receivers of one millisecond that a page looks past at most. */
const SAME_TIME = 50;

/** Who is called: the same URL of two callers is two receivers. */
export interface Receiver {
  owner: string;
  url: string;
}

/** What came of an attempt that the receiver did not take. */
export interface ReceiverFailure {
  outcome: AttemptOutcome;
  status: number | null;
}

/** The receivers that take nothing at the moment, and those that nothing is sent to for that. */
export class Receivers {
  /** @param patienceMs a receiver that takes nothing for so long is disabled. */
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly patienceMs: number,
  ) {
    const lua = scriptText('deliveries/receiver-failed.lua');
    redis.defineCommand('receiverFailed', { numberOfKeys: 2, lua });
  }

  /** @returns null where nothing is known against it. */
  find(receiver: Receiver): Promise<ReceiverView | null> {
    return this.read(idOf(receiver));
  }

  /** @returns whether this has disabled it. */
  async failed(receiver: Receiver, { outcome, status }: ReceiverFailure): Promise<boolean> {
    const { keys } = this;
    const id = idOf(receiver);
    const disabled = await this.redis.receiverFailed(
      ...[keys.receiver(id), keys.receivers(receiver.owner)],
      ...[id, clock.now(), outcome, status ?? '', this.patienceMs, REMEMBERED_MS, receiver.url],
    );
    return disabled === 1;
  }

  /** It has taken a delivery. */
  async recovered(receiver: Receiver): Promise<void> {
    const id = idOf(receiver);
    await Promise.all([
      this.redis.unlink(this.keys.receiver(id)),
      this.redis.zrem(this.keys.receivers(receiver.owner), id),
    ]);
  }

  /**
   * A caller's receivers that take nothing, the latest first.
   * @param before what an earlier page has given as `next`.
   */
  async list(
    owner: string,
    { before, limit }: { before?: string | undefined; limit: number },
  ): Promise<{ data: ReceiverView[]; next: string | null }> {
    const [from = '+inf', after] = before?.split(' ') ?? [];
    const known = parseScored(
      await this.redis.zrevrangebyscore(
        this.keys.receivers(owner),
        from,
        '-inf',
        'WITHSCORES',
        ...(['LIMIT', 0, limit + SAME_TIME] as const),
      ),
    );
    // Among those of the same millisecond the page before has ended at one of them.
    const rest = known.filter(({ member, score }) => !(after && score === from && member >= after));
    const page = rest.slice(0, limit);
    const views = await Promise.all(page.map(({ member }) => this.read(member)));
    const last = page.at(-1);
    return {
      data: views.filter((view) => view !== null),
      next: last && rest.length > limit ? `${last.score} ${last.member}` : null,
    };
  }

  /** Deliveries are sent to it again. @returns null where nothing is known against it. */
  async enable(owner: string, id: string): Promise<ReceiverView | null> {
    const { redis, keys } = this;
    if ((await redis.zscore(keys.receivers(owner), id)) === null) return null;
    if ((await this.read(id)) === null) return null;
    await redis
      .multi()
      .hdel(keys.receiver(id), 'disabled_at', 'disabled_because')
      .hset(keys.receiver(id), 'failing_since', clock.now())
      .pexpire(keys.receiver(id), REMEMBERED_MS)
      .exec();
    return this.read(id);
  }

  private async read(id: string): Promise<ReceiverView | null> {
    const held = await this.redis.hgetall(this.keys.receiver(id));
    if (held['url'] === undefined) return null;
    const status = held['last_status'] ?? '';
    const disabledAt = held['disabled_at'];
    return {
      id,
      object: 'receiver',
      url: held['url'],
      failing_since: iso(held['failing_since']),
      last_failure_at: iso(held['last_failure_at']),
      last_outcome: held['last_outcome'] as AttemptOutcome,
      last_status: status === '' ? null : Number(status),
      disabled_at: disabledAt === undefined ? null : iso(disabledAt),
      disabled_because: (held['disabled_because'] ?? null) as ReceiverView['disabled_because'],
    };
  }
}

function idOf({ owner, url }: Receiver): string {
  return `rcv_${createHash('sha256').update(`${owner}\n${url}`).digest('hex').slice(0, 26)}`;
}

function iso(ms: string | undefined): string {
  return new Date(Number(ms)).toISOString();
}
