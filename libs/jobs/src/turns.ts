import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from 'ioredis';
import type { Priority } from '#libs/contracts';
import type { RedisConnection } from './redis.js';
import { scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    syncTurns(keyCount: number, ...args: (string | number)[]): Result<(string | number)[], Context>;
  }
}

/** BullMQ's priorities end at 2 to the power of this; a larger number is served later. */
export const TURN_BITS = 21;

/** Between two exchanges with Redis: what is some milliseconds old is new enough. */
const PAUSE_MS = 5;

/** Where all begins: there is a turn before it. As in turns.lua. */
const FIRST_TURN = 2;

/** Where a flow joins in that has nothing queued, counted from the turn that is served now. */
export const LEAD: Record<Priority, number> = { high: -1, normal: 0, low: 128 };
/** How far a full batch puts its flow back. */
const ROUNDS_PER_BATCH: Record<Priority, number> = { high: 1 / 8, normal: 1, low: 1 };

/** A batch, but for what adding shares up loses. */
const FULL = 1 + 1e-9;

/** A job that is to get its turn. */
export interface TurnTaker {
  owner: string;
  priority: Priority;
  /** Its share of a full batch. */
  batches: number;
}

interface Untold {
  from: number;
  by: number;
}

/**
 * The order in which the jobs of a model are served: start-time fair queueing (Goyal, Vin and Cheng,
 * 1996). A flow is what one caller submits at one priority. A job's turn is the turn that is served now or
 * the end of its flow's last job, whichever is later; its flow then stands further on by the job's share
 * of a batch. So every flow gets a batch in every round: of 10,000 jobs that one caller has queued, one
 * batch comes before the single job of another.
 *
 * Redis knows where every flow stands, for all api processes. Each takes turns by what it last heard, so
 * that no submission waits for an answer: a process that has heard nothing for long is ahead by one flush.
 */
export class Turns {
  private halvings = 0;
  private now = FIRST_TURN;
  private readonly flows = new Map<string, number>();
  private untold = new Map<string, Untold>();
  private exchanging: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;

  /**
   * @param keys the model's turns, its waiting jobs and BullMQ's prioritized ones.
   * @param records what precedes an id in the key of its record. @param bits for tests.
   */
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: readonly [turns: string, waiting: string, prioritized: string],
    private readonly records: string,
    private readonly bits = TURN_BITS,
  ) {
    redis.defineCommand('syncTurns', { lua: scriptText('turns.lua') });
  }

  /** How often all turns have been halved, as far as is known: a turn means nothing without it. */
  get halved(): number {
    return this.halvings;
  }

  /** Turns of jobs that are submitted together: those of a flow share one until they fill a batch. */
  take(jobs: readonly TurnTaker[]): number[] {
    const open = new Map<string, { turn: number; batches: number }>();
    return jobs.map(({ owner, priority, batches }) => {
      const flow = `${priority}:${owner}`;
      const start = this.start(flow, priority, owner);
      let current = open.get(flow);
      if (!current || current.batches + batches > FULL) {
        current = { turn: this.turnAt(start), batches: 0 };
        open.set(flow, current);
      }
      current.batches += batches;
      this.advance(flow, start, batches * ROUNDS_PER_BATCH[priority]);
      return current.turn;
    });
  }

  /** Resolves once Redis has been told, and heard, after this call. Never rejects: what is left waits. */
  sync(): Promise<void> {
    this.next ??= this.exchanging.then(async () => {
      await sleep(PAUSE_MS, undefined, { ref: false });
      this.next = undefined;
      this.exchanging = this.exchange().catch(() => undefined);
      return this.exchanging;
    });
    return this.next;
  }

  private start(flow: string, priority: Priority, owner: string): number {
    const joins = Math.max(this.now + LEAD[priority], this.flows.get(flow) ?? 0);
    // What waits for quiet times also waits for what its own caller submitted before it.
    return priority === 'low' ? Math.max(joins, this.flows.get(`normal:${owner}`) ?? 0) : joins;
  }

  private turnAt(start: number): number {
    return Math.min(2 ** this.bits, Math.max(1, Math.floor(start)));
  }

  private advance(flow: string, from: number, by: number): void {
    this.flows.set(flow, from + by);
    const untold = this.untold.get(flow);
    if (untold) untold.by += by;
    else this.untold.set(flow, { from, by });
  }

  /** What was taken since the last exchange counts by the old measure. */
  private halve(halvings: number): void {
    const factor = 2 ** (this.halvings - halvings);
    if (factor === 1) return;
    this.halvings = halvings;
    for (const [flow, stand] of this.flows) this.flows.set(flow, stand * factor);
    for (const [flow, { from, by }] of this.untold) {
      this.untold.set(flow, { from: from * factor, by: by * factor });
    }
  }

  /** As in turns.lua: turns only go on, unless Redis has lost its latest writes, or all. */
  private isBefore(halvings: number, now: number): boolean {
    return halvings < this.halvings || (halvings === this.halvings && now + 1 < this.now);
  }

  private startOver(halvings: number): void {
    this.halvings = halvings;
    this.flows.clear();
    for (const untold of this.untold.values()) untold.from = 0;
  }

  private async exchange(): Promise<void> {
    const { untold } = this;
    this.untold = new Map();
    const told = [...untold].flatMap(([flow, { from, by }]) => [flow, from, by]);
    const [halved, now, ...stands] = await this.redis.syncTurns(
      3,
      ...this.keys,
      this.bits,
      this.records,
      LEAD.low,
      this.halvings,
      this.now,
      ...told,
    );
    if (this.isBefore(Number(halved), Number(now))) this.startOver(Number(halved));
    else this.halve(Number(halved));
    this.now = Number(now);
    [...untold.keys()].forEach((flow, i) => {
      this.flows.set(flow, Number(stands[i]) + (this.untold.get(flow)?.by ?? 0));
    });
    for (const [flow, stand] of this.flows) if (stand < this.now) this.flows.delete(flow);
  }
}
