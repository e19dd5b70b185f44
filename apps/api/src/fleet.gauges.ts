import { Injectable, Logger } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { clock } from '#libs/clock';
import { QueuedJobs } from '#libs/jobs';
import { forgetSeries } from '#libs/telemetry';
import { ModelCatalog } from './models/model.catalog.js';

/** What an api can tell of the whole fleet, looked up when the metrics are asked for. */
@Injectable()
export class FleetGauges {
  private readonly logger = new Logger('Metrics');

  constructor(
    private readonly registry: Registry,
    private readonly catalog: ModelCatalog,
    private readonly queued: QueuedJobs,
  ) {
    new Gauge({
      name: 'foretell_workers',
      help: 'Workers that are alive',
      registers: [registry],
      collect() {
        this.set(catalog.liveWorkers().length);
      },
    });
    const oldest = new Gauge<'model'>({
      name: 'foretell_queue_oldest_seconds',
      help: 'Age of the oldest queued job',
      labelNames: ['model'],
      registers: [registry],
      collect: (): Promise<void> => this.lookAtAges(oldest),
    });
    catalog.onGone(() => void this.forgetGone());
  }

  /** Without Redis nothing is known, and nothing told; the other metrics are. */
  private async lookAtAges(gauge: Gauge<'model'>): Promise<void> {
    const models = this.catalog.list().map(({ name }) => name);
    const times = await this.queued.oldest(models).catch(() => null);
    gauge.reset();
    if (!times) return;
    const now = clock.now();
    for (const model of models) {
      gauge.set({ model }, Math.max(0, now - (times.get(model) ?? now)) / 1000);
    }
  }

  private async forgetGone(): Promise<void> {
    try {
      await forgetSeries(this.registry, (model, version) => this.catalog.has(model, version));
    } catch (err) {
      this.logger.warn({ err }, 'series of models that have gone not removed');
    }
  }
}
