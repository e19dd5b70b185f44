import type { Result } from 'ioredis';
import type { Keys } from '../keys.js';
import type { RedisConnection } from '../redis.js';
import type { Replication } from '../replication.js';
import { scriptText } from '../script.js';
import { type Delivery, parseMember } from './delivery.js';
import type { Scored } from './scored.js';

type Args = (string | number)[];

declare module 'ioredis' {
  interface RedisCommander<Context> {
    scheduleDeliveries(...args: Args): Result<null, Context>;
    takeDeliveries(...args: Args): Result<[string[], string, string], Context>;
    settleDelivery(...args: Args): Result<0 | 1, Context>;
  }
}

const SCRIPTS = {
  scheduleDeliveries: 'schedule.lua',
  takeDeliveries: 'take.lua',
  settleDelivery: 'settle.lua',
} as const;

/** How many deliveries are under way at once, over all couriers. */
export interface LaneCaps {
  /** Of one lane, once it has shown that it takes them. */
  lane: number;
  /** Of all lanes together that have not. */
  probation: number;
}

export interface TakenDelivery extends Delivery {
  /** What it is settled by. */
  member: string;
}

/** What has come of a taken delivery. */
export interface Settlement {
  /** When it is due again, ms since the epoch; absent: it is over. */
  nextAt?: number | undefined;
  /** How its receiver took it, or that it did not; absent: nothing was learnt of the receiver. */
  lane?: 'quick' | 'slow' | 'failing' | undefined;
}

/**
 * When each delivery is due, and which are under way. Those of a caller to one host and port form a lane, with
 * a cap of its own: a receiver that hangs holds up nobody else, however many deliveries wait for it. A lane
 * begins on probation with little room, gains more with each delivery that is taken quickly, and loses half of
 * it with each that is not taken; all lanes on probation share a part of what there is. What a courier has
 * taken comes back by itself unless it is settled in time.
 */
export class DeliverySchedule {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly caps: LaneCaps,
    private readonly replication: Replication,
  ) {
    for (const [name, file] of Object.entries(SCRIPTS)) {
      const lua = scriptText('deliveries/lanes.lua') + scriptText(`deliveries/${file}`);
      redis.defineCommand(name, { numberOfKeys: 6, lua });
    }
  }

  /** One that is there already is not put off. */
  async add(owed: readonly Scored[]): Promise<void> {
    const entries = owed.flatMap(({ member, score }) => [score, member]);
    await this.redis.scheduleDeliveries(...this.head(), ...entries);
  }

  /**
   * Resolves once what was added need not be kept anywhere else.
   * @throws where too few replicas have it: one of them may take over without it.
   */
  copied(): Promise<void> {
    return this.replication.couriersReached();
  }

  /**
   * Takes deliveries that are due.
   * @param now ms since the epoch. @param holdMs what is not settled by then comes back.
   * @returns `next`: when there may be more, ms since the epoch; Infinity where nothing waits.
   */
  async take(
    now: number,
    holdMs: number,
    most: number,
  ): Promise<{ deliveries: TakenDelivery[]; next: number }> {
    const [members, ...times] = await this.redis.takeDeliveries(
      ...this.head(),
      now,
      now + holdMs,
      most,
    );
    return {
      deliveries: members.map((member) => ({ ...parseMember(member), member })),
      next: Math.min(...times.map((time) => (time === '' ? Infinity : Number(time)))),
    };
  }

  /** @returns false where it had come back meanwhile. */
  async settle(member: string, { nextAt, lane }: Settlement): Promise<boolean> {
    return (
      (await this.redis.settleDelivery(...this.head(), member, nextAt ?? '', lane ?? '')) === 1
    );
  }

  private head(): Args {
    const { schedule, laneJobsPrefix, duePrefix, standingPrefix } = this.keys;
    const prefixes = [laneJobsPrefix, duePrefix, standingPrefix];
    return [...schedule, ...prefixes, this.caps.lane, this.caps.probation];
  }
}
