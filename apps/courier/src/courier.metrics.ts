import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import { DURATION_BUCKETS_S } from '#libs/telemetry';

export type DeliveryOutcome = 'delivered' | 'refused' | 'unreachable' | 'forbidden' | 'gone';

/** What a courier counts. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class CourierMetrics {
  private readonly attempts: Counter<'event' | 'outcome'>;
  private readonly latency: Histogram;

  constructor(registry: Registry) {
    this.attempts = new Counter({
      name: 'foretell_webhook_attempts_total',
      help: 'Attempts to deliver a webhook, by their outcome',
      labelNames: ['event', 'outcome'],
      registers: [registry],
    });
    this.latency = new Histogram({
      name: 'foretell_webhook_seconds',
      help: 'Time until a receiver answered',
      buckets: DURATION_BUCKETS_S,
      registers: [registry],
    });
  }

  attempt(event: string, outcome: DeliveryOutcome, latencyMs?: number): void {
    this.attempts.inc({ event, outcome });
    if (latencyMs !== undefined) this.latency.observe(latencyMs / 1000);
  }
}
