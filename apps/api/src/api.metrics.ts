import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RedisMemory } from '#libs/jobs';
import { DURATION_BUCKETS_S } from '#libs/telemetry';

/** What the api counts. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class ApiMetrics {
  private readonly requests: Counter<'method' | 'route' | 'status'>;
  private readonly duration: Histogram<'route'>;
  private readonly accepted: Counter<'model' | 'version'>;
  private readonly refusals: Counter<'code'>;
  private readonly depth: Gauge<'model'>;
  private readonly memory: Gauge;
  private readonly overload: Gauge<'reason'>;

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
    this.refusals = new Counter({
      name: 'foretell_refusals_total',
      help: 'Requests refused by a limit',
      labelNames: ['code'],
      registers,
    });
    this.depth = new Gauge({
      name: 'foretell_queue_depth',
      help: 'Queued jobs',
      labelNames: ['model'],
      registers,
    });
    this.memory = new Gauge({
      name: 'foretell_redis_memory_ratio',
      help: 'Share of the memory that Redis may take; 0: no limit',
      registers,
    });
    this.overload = new Gauge({
      name: 'foretell_overloaded',
      help: 'Models that accept no jobs; 1 where none does',
      labelNames: ['reason'],
      registers,
    });
  }

  refused(code: string): void {
    this.refusals.inc({ code });
  }

  /** As it was last looked at. @param overloads reasons for which no jobs are accepted, one a model. */
  loadIs(
    memory: RedisMemory | undefined,
    depths: ReadonlyMap<string, number>,
    overloads: readonly string[],
  ): void {
    for (const [model, jobs] of depths) this.depth.set({ model }, jobs);
    this.memory.set(memory && memory.maxBytes > 0 ? memory.usedBytes / memory.maxBytes : 0);
    this.overload.reset();
    for (const reason of overloads) this.overload.inc({ reason });
  }

  answered(method: string, route: string, status: number, elapsedMs: number): void {
    this.requests.inc({ method, route, status });
    this.duration.observe({ route }, elapsedMs / 1000);
  }

  jobAccepted(model: string, version: string): void {
    this.accepted.inc({ model, version });
  }
}
