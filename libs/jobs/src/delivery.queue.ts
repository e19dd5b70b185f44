import { InjectQueue } from '@nestjs/bullmq';
import { Inject, Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { CONFIG, type Config } from '#libs/config';
import type { WebhookEvent } from '#libs/contracts';
import { JobStore } from './job.store.js';

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
    private readonly store: JobStore,
  ) {}

  /** Adds callbacks of jobs that have ended; one that is there already, of the same end, is not added twice. */
  async add(deliveries: readonly Delivery[]): Promise<void> {
    // Of the record: whoever ends a job need not know how often it was retried.
    const tries = await this.store.tries(deliveries.map(({ jobId }) => jobId));
    await this.queue.addBulk(
      deliveries.map((delivery, i) => ({
        name: delivery.event,
        data: delivery,
        opts: {
          jobId: deliveryId(delivery, tries[i] ?? 0),
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

/** The `webhook-id`: the same on every attempt to deliver it. @param tries of the job, before the one that has ended. */
function deliveryId({ jobId, event }: Delivery, tries: number): string {
  const again = tries === 0 ? '' : `_${String(tries + 1)}`;
  return `msg_${jobId.slice('job_'.length)}_${event}${again}`;
}
