import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject, type OnApplicationBootstrap } from '@nestjs/common';
import { type Job, UnrecoverableError } from 'bullmq';
import { CONFIG, type Config } from '#libs/config';
import { type Delivery, DELIVERIES } from './delivery.queue.js';

export const DELIVERY_HANDLER = Symbol('DELIVERY_HANDLER');

/** Delivers one callback. @throws DeliveryRefused to give up at once, anything else to try again. */
export interface DeliveryHandler {
  deliver(delivery: Delivery, id: string, attempt: number): Promise<void>;
}

/** No later attempt can succeed either. */
export class DeliveryRefused extends Error {
  override readonly name = 'DeliveryRefused';
}

/** BullMQ's side of the courier. */
// A courier that dies does not use up an attempt of what it was delivering.
@Processor(DELIVERIES, { maxStalledCount: Number.MAX_SAFE_INTEGER })
export class DeliveryConsumer extends WorkerHost implements OnApplicationBootstrap {
  constructor(
    @Inject(DELIVERY_HANDLER) private readonly handler: DeliveryHandler,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  onApplicationBootstrap(): void {
    this.worker.concurrency = this.config.webhooks.COURIER_CONCURRENCY;
  }

  async process(job: Job<Delivery>): Promise<void> {
    try {
      await this.handler.deliver(job.data, job.id ?? '', job.attemptsMade + 1);
    } catch (error) {
      if (error instanceof DeliveryRefused) throw new UnrecoverableError(error.message);
      throw error;
    }
  }
}
