import { Injectable, Logger } from '@nestjs/common';
import type { AttemptOutcome, DeliveryAttempt, DeliveryFailure } from '#libs/contracts';
import { type Delivery, deliveryId } from '#libs/jobs';
import { CourierMetrics } from './courier.metrics.js';
import type { KnownDelivery } from './known-delivery.js';

/** What operators hear of deliveries, in the log and the metrics: never a URL, which may hold a secret. */
@Injectable()
export class DeliveryReport {
  private readonly logger = new Logger('Delivery');

  constructor(private readonly metrics: CourierMetrics) {}

  attempted(due: KnownDelivery, attempt: DeliveryAttempt): void {
    const { event, state } = due;
    const { outcome, status, latency_ms } = attempt;
    this.metrics.attempt(event.event, outcome, latency_ms);
    if (state.attempts === 0) this.metrics.firstAttempt(Date.parse(attempt.at) - event.at);
    const line = { ...lineOf(due), attempt: attempt.attempt, outcome, status, latency_ms };
    if (outcome === 'delivered') {
      this.metrics.ended(event.event, 'delivered');
      this.logger.log(line, 'webhook delivered');
    } else if (status !== null) this.logger.warn(line, 'webhook not accepted');
    else this.logger.warn({ ...line, reason: attempt.error }, 'webhook not delivered');
  }

  gaveUp(due: KnownDelivery, failure: DeliveryFailure): void {
    this.metrics.ended(due.event.event, failure);
    this.logger.warn({ ...lineOf(due), reason: failure }, 'webhook given up');
  }

  /** @param outcome of the attempt that was one too many. */
  disabled(due: KnownDelivery, outcome: AttemptOutcome): void {
    this.metrics.disabled();
    this.logger.warn({ ...lineOf(due), outcome }, 'receiver disabled');
  }

  dropped(delivery: Delivery): void {
    const line = { job_id: delivery.jobId, webhook_id: deliveryId(delivery) };
    this.logger.warn(line, 'job is no longer kept, webhook dropped');
  }
}

function lineOf({ delivery, event, record, receiver }: KnownDelivery): Record<string, unknown> {
  return {
    job_id: delivery.jobId,
    request_id: record.spec.requestId,
    webhook_id: deliveryId(delivery),
    event: event.event,
    receiver: new URL(receiver.url).host,
  };
}
