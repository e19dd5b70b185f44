import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Counts } from '#libs/contracts';
import { severity, type VersionDrift } from '#libs/statistics';
import type { IsServed } from '../worker.metrics.js';

/** Features of a version that have a series each. */
const MAX_FEATURES = 100;

interface Told {
  model: string;
  version: string;
  drift: VersionDrift;
  untilMs: number;
}

/** What a worker tells of drift. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class DriftMetrics {
  private readonly rows: Counter<'model' | 'version'>;
  private readonly unsure: Counter<'model' | 'version'>;
  private readonly outside: Counter<'model' | 'version'>;
  private readonly told = new Map<string, Told>();

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = (name: string, help: string) =>
      new Counter({ name, help, labelNames: ['model', 'version'] as const, registers });
    this.rows = counter('foretell_observed_rows_total', 'Instances that were watched for drift');
    this.unsure = counter(
      'foretell_low_confidence_rows_total',
      'Watched instances whose prediction had a low confidence',
    );
    this.outside = counter(
      'foretell_out_of_range_rows_total',
      'Watched instances with an input outside its declared range',
    );
    const current = (): Told[] => this.current();
    new Gauge({
      name: 'foretell_drift_psi',
      help: 'Population stability index of the last window against the reference',
      labelNames: ['model', 'version', 'feature'] as const,
      registers,
      collect() {
        this.reset();
        for (const { model, version, drift } of current()) {
          for (const { feature, level, compared } of drift.features.slice(0, MAX_FEATURES)) {
            if (!compared || level === 'insufficient-samples') continue;
            this.set({ model, version, feature: feature.name }, compared.psi);
          }
        }
      },
    });
    new Gauge({
      name: 'foretell_drift_level',
      help: 'Drift of the last window: 0 none that is known, 1 warn, 2 alert',
      labelNames: ['model', 'version'] as const,
      registers,
      collect() {
        this.reset();
        for (const { model, version, drift } of current()) {
          this.set({ model, version }, severity(drift.level));
        }
      },
    });
  }

  observed(labels: { model: string; version: string }, counts: Counts): void {
    this.rows.inc(labels, counts['rows'] ?? 0);
    this.unsure.inc(labels, counts['low-confidence'] ?? 0);
    this.outside.inc(labels, counts['out-of-range'] ?? 0);
  }

  /** @param windowS for so long it holds, unless it is told anew. */
  compared(model: string, version: string, drift: VersionDrift, windowS: number): void {
    const untilMs = Date.now() + windowS * 1000;
    this.told.set(`${model}/${version}`, { model, version, drift, untilMs });
  }

  keep(isServed: IsServed): void {
    for (const [name, { model, version }] of this.told) {
      if (!isServed(model, version)) this.told.delete(name);
    }
  }

  private current(): Told[] {
    return [...this.told.values()].filter(({ untilMs }) => untilMs > Date.now());
  }
}
