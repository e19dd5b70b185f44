import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import { DURATION_BUCKETS_S } from '#libs/telemetry';

/** What the api counts. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class ApiMetrics {
  private readonly requests: Counter<'method' | 'route' | 'status'>;
  private readonly duration: Histogram<'route'>;
  private readonly accepted: Counter<'model' | 'version'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'foretell_http_requests_total',
      help: 'Requests answered',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.duration = new Histogram({
      name: 'foretell_http_request_seconds',
      help: 'Time to answer a request',
      labelNames: ['route'],
      buckets: DURATION_BUCKETS_S,
      registers,
    });
    this.accepted = new Counter({
      name: 'foretell_jobs_accepted_total',
      help: 'Jobs accepted with 202',
      labelNames: ['model', 'version'],
      registers,
    });
  }

  answered(method: string, route: string, status: number, elapsedMs: number): void {
    this.requests.inc({ method, route, status });
    this.duration.observe({ route }, elapsedMs / 1000);
  }

  jobAccepted(model: string, version: string): void {
    this.accepted.inc({ model, version });
  }
}
