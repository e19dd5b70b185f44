import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AttemptOutcome, DeliveryFailure, WebhookEvent } from '#libs/contracts';
import { DURATION_BUCKETS_S } from '#libs/telemetry';

/** What a courier counts. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class CourierMetrics {
  private readonly attempts: Counter<'event' | 'outcome'>;
  private readonly deliveries: Counter<'event' | 'result'>;
  private readonly receiversDisabled: Counter;
  private readonly latency: Histogram;
  private readonly lag: Histogram;

  constructor(private readonly registry: Registry) {
    const registers = [registry];
    this.attempts = new Counter({
      name: 'foretell_webhook_attempts_total',
      help: 'Attempts to deliver a webhook, by their outcome',
      labelNames: ['event', 'outcome'],
      registers,
    });
    this.deliveries = new Counter({
      name: 'foretell_webhook_deliveries_total',
      help: 'Webhooks that were delivered or given up, by what became of them',
      labelNames: ['event', 'result'],
      registers,
    });
    this.receiversDisabled = new Counter({
      name: 'foretell_webhook_receivers_disabled_total',
      help: 'Receivers that nothing is sent to any more',
      registers,
    });
    this.latency = new Histogram({
      name: 'foretell_webhook_seconds',
      help: 'How long an attempt to deliver a webhook took',
      buckets: DURATION_BUCKETS_S,
      registers,
    });
    this.lag = new Histogram({
      name: 'foretell_webhook_lag_seconds',
      help: 'From an event until the first attempt to deliver it',
      buckets: DURATION_BUCKETS_S,
      registers,
    });
  }

  attempt(event: WebhookEvent, outcome: AttemptOutcome, latencyMs: number): void {
    this.attempts.inc({ event, outcome });
    this.latency.observe(latencyMs / 1000);
  }

  /** @param lagMs since the event; less than none where two clocks differ. */
  firstAttempt(lagMs: number): void {
    this.lag.observe(Math.max(0, lagMs) / 1000);
  }

  ended(event: WebhookEvent, result: 'delivered' | DeliveryFailure): void {
    this.deliveries.inc({ event, result });
  }

  disabled(): void {
    this.receiversDisabled.inc();
  }

  /** @param count asked whenever the metrics are. */
  countUnderWay(count: () => number): void {
    new Gauge({
      name: 'foretell_webhook_under_way',
      help: 'Deliveries that this courier waits for',
      registers: [this.registry],
      collect() {
        this.set(count());
      },
    });
  }
}
