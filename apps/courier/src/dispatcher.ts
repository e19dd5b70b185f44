import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { clock } from '#libs/clock';
import { CONFIG, type Config } from '#libs/config';
import {
  AlarmClock,
  DeliverySchedule,
  RedisHealth,
  type Settlement,
  type TakenDelivery,
} from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { OutboundClient } from '#libs/webhooks';
import { CourierMetrics } from './courier.metrics.js';
import { DeliveryService } from './delivery.service.js';

/** Another courier may have put something into the schedule. */
const LOOK_MS = 1000;
/** Deliveries that are taken in one step. */
const BATCH = 100;
/** Beyond the time that a receiver is given, for what is read and written around it. */
const HOLD_MARGIN_MS = 5000;
/** What came of an attempt is settled at this pace while Redis does not take it. */
const SETTLE_RETRY_MS = 500;
/** A delivery that could not be made for want of Redis, or of the store, comes again after so long. */
const PUT_OFF_MS = 5000;

/** Takes what is due out of the schedule, as far as this courier has room, and has it delivered. */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly trouble = new LastingTrouble(new Logger('Dispatcher'));
  private readonly clock = new AlarmClock(() => this.round());
  private readonly underWay = new Set<Promise<void>>();
  private readonly concurrency: number;
  private readonly holdMs: number;
  private stopping = false;

  constructor(
    private readonly schedule: DeliverySchedule,
    private readonly service: DeliveryService,
    private readonly client: OutboundClient,
    private readonly redis: RedisHealth,
    metrics: CourierMetrics,
    @Inject(CONFIG) { webhooks }: Config,
  ) {
    this.concurrency = webhooks.COURIER_CONCURRENCY;
    this.holdMs = webhooks.WEBHOOK_TIMEOUT_S * 1000 + HOLD_MARGIN_MS;
    metrics.countUnderWay(() => this.underWay.size);
  }

  onApplicationBootstrap(): void {
    this.wake();
  }

  /** What is under way comes to its end. */
  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await this.redis.doneOrAway(this.clock.stop().then(() => Promise.all(this.underWay)));
    await this.client.close();
  }

  /** Something may be due, or there is room. */
  wake(): void {
    this.clock.setTo(clock.now());
  }

  private async round(): Promise<void> {
    let next = clock.now() + LOOK_MS;
    try {
      for (;;) {
        const room = Math.min(this.concurrency - this.underWay.size, BATCH);
        if (room <= 0) return; // the first one to end looks again
        const taken = await this.schedule.take(clock.now(), this.holdMs, room);
        for (const delivery of taken.deliveries) this.start(delivery);
        if (taken.deliveries.length < room) {
          next = Math.min(next, taken.next);
          break;
        }
      }
      this.trouble.isOver();
    } catch (err) {
      this.trouble.met(err, 'nothing taken');
    }
    this.clock.setTo(next);
  }

  private start(delivery: TakenDelivery): void {
    const end = this.deliver(delivery).finally(() => {
      this.underWay.delete(end);
      this.wake();
    });
    this.underWay.add(end);
  }

  private async deliver(delivery: TakenDelivery): Promise<void> {
    // Then it comes back by itself.
    const heldUntil = clock.now() + this.holdMs;
    const settlement = await this.settlementOf(delivery);
    for (;;) {
      try {
        await this.schedule.settle(delivery.member, settlement);
        return;
      } catch (err) {
        this.trouble.met(err, 'deliveries not settled yet');
        if (this.stopping || clock.now() + SETTLE_RETRY_MS > heldUntil) return;
        await sleep(SETTLE_RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** What Redis, or the store of payloads, did not allow comes later, and holds no place until then. */
  private async settlementOf(delivery: TakenDelivery): Promise<Settlement> {
    try {
      return await this.service.deliver(delivery);
    } catch (err) {
      this.trouble.met(err, 'delivery put off');
      return { nextAt: clock.now() + PUT_OFF_MS };
    }
  }
}
