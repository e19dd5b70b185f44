import { InjectQueue } from '@nestjs/bullmq';
import { Inject, Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { CONFIG, type Config } from '#libs/config';
import type { WebhookEvent } from '#libs/contracts';

export const DELIVERIES = 'webhook-deliveries';

/** A callback that is owed. Its URL stays in the record, out of the board's sight. */
export interface Delivery {
  jobId: string;
  event: WebhookEvent;
  requestId: string;
}

/** With delays that double from 5 s, and jitter that shortens them: over five to seven days. */
const ATTEMPTS = 18;

const KEEP_S = { delivered: 3600, failed: 7 * 86_400 };

/** The courier's own queue. */
@Injectable()
export class DeliveryQueue {
  constructor(
    @InjectQueue(DELIVERIES) readonly queue: Queue<Delivery>,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Adds callbacks; one that is there already, by job and event, is not added twice. */
  async add(deliveries: readonly Delivery[]): Promise<void> {
    await this.queue.addBulk(
      deliveries.map((delivery) => ({
        name: delivery.event,
        data: delivery,
        opts: {
          jobId: deliveryId(delivery),
          attempts: ATTEMPTS,
          backoff: {
            type: 'exponential',
            delay: this.config.webhooks.WEBHOOK_FIRST_RETRY_MS,
            jitter: 0.3,
          },
          removeOnComplete: { age: KEEP_S.delivered, count: 1000 },
          removeOnFail: { age: KEEP_S.failed, count: 10_000 },
        },
      })),
    );
  }
}

/** The `webhook-id`: the same on every attempt. */
export function deliveryId({ jobId, event }: Delivery): string {
  return `msg_${jobId.slice('job_'.length)}_${event}`;
}
