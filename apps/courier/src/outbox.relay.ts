import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { clock } from '#libs/clock';
import { AlarmClock, DeliverySchedule, JobIndex, Outbox, RedisHealth } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { Dispatcher } from './dispatcher.js';

/** Nothing stays longer in an outbox, should its name not have been heard. */
const SWEEP_MS = 1000;
const BATCH = 200;

/** Takes what is to be told out of the models' outboxes into the couriers' schedule. */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly trouble = new LastingTrouble(new Logger('Outbox'));
  private readonly clock = new AlarmClock(() => this.round());
  private readonly named = new Set<string>();
  private nextSweep = 0;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly outbox: Outbox,
    private readonly index: JobIndex,
    private readonly schedule: DeliverySchedule,
    private readonly dispatcher: Dispatcher,
    private readonly redis: RedisHealth,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.unsubscribe = await this.outbox.onOwed((model) => {
      if (model === null) this.nextSweep = 0;
      else this.named.add(model);
      this.clock.setTo(clock.now());
    });
    this.clock.setTo(clock.now());
  }

  async onApplicationShutdown(): Promise<void> {
    this.unsubscribe();
    await this.redis.doneOrAway(this.clock.stop());
  }

  private async round(): Promise<void> {
    try {
      if (clock.now() >= this.nextSweep) {
        // Before it is known whether this one succeeds: else one that fails would follow upon the other.
        this.nextSweep = clock.now() + SWEEP_MS;
        for (const model of await this.index.models()) this.named.add(model);
      }
      for (const model of this.named) {
        this.named.delete(model);
        await this.relay(model);
      }
      this.trouble.isOver();
    } catch (err) {
      // The next sweep finds what this has left.
      this.trouble.met(err, 'outbox not looked at');
    }
    this.clock.setTo(this.nextSweep);
  }

  private async relay(model: string): Promise<void> {
    for (;;) {
      const owed = await this.outbox.first(model, BATCH);
      if (owed.length === 0) return;
      await this.schedule.add(owed);
      this.dispatcher.wake();
      await this.schedule.copied();
      await this.outbox.clear(model, owed);
      if (owed.length < BATCH) return;
    }
  }
}
