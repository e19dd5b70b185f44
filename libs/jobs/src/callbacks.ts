import { Injectable } from '@nestjs/common';
import type { WebhookEvent } from '#libs/contracts';
import { DeliveryQueue } from './delivery.queue.js';
import type { JobSpec } from './record.js';

/** The callbacks of jobs that no worker ends: canceled, or expired before one took them. */
@Injectable()
export class Callbacks {
  constructor(private readonly deliveries: DeliveryQueue) {}

  /**
   * Queues the callbacks of jobs that have ended so, for those that asked for one. It comes after the end is
   * written, and may be repeated where that was perhaps not heard of: a callback is not queued twice.
   */
  async owe(jobs: readonly JobSpec[], event: WebhookEvent): Promise<void> {
    const owed = jobs
      .filter(({ webhook }) => webhook?.events.includes(event))
      .map(({ id, requestId }) => ({ jobId: id, event, requestId }));
    if (owed.length > 0) await this.deliveries.add(owed);
  }
}
