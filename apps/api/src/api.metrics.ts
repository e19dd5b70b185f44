import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ProblemCode } from '#libs/contracts';
import type { RedisMemory } from '#libs/jobs';
import { cacheCounter, DURATION_BUCKETS_S } from '#libs/telemetry';

/** A request that was answered. */
export interface Answered {
  method: string;
  /** The pattern, never the path. */
  route: string;
  status: number;
  /** The caller asked to wait, or for a stream. */
  held: boolean;
  elapsedMs: number;
}

/** What the api counts. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class ApiMetrics {
  private readonly requests: Counter<'method' | 'route' | 'status'>;
  private readonly duration: Histogram<'route' | 'held'>;
  private readonly problems: Counter<'code'>;
  private readonly accepted: Counter<'model' | 'version'>;
  private readonly cache: Counter<'model' | 'version' | 'outcome'>;
  private readonly putBack: Counter<'model'>;
  private readonly losses: Counter;
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
      labelNames: ['route', 'held'],
      buckets: DURATION_BUCKETS_S,
      registers,
    });
    this.accepted = new Counter({
      name: 'foretell_jobs_accepted_total',
      help: 'Jobs accepted with 202',
      labelNames: ['model', 'version'],
      registers,
    });
    this.losses = new Counter({
      name: 'foretell_data_losses_total',
      help: 'Times that Redis was found to have lost data',
      registers,
    });
    this.putBack = new Counter({
      name: 'foretell_jobs_put_back_total',
      help: 'Open jobs that were in no queue',
      labelNames: ['model'],
      registers,
    });
    this.cache = cacheCounter(registry);
    this.problems = new Counter({
      name: 'foretell_problems_total',
      help: 'Requests answered with a problem',
      labelNames: ['code'],
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

  /**
   * As it was last looked at.
   * @param depths of the models that there are. @param overloads by reason, models that accept no jobs.
   */
  loadIs(
    memory: RedisMemory | undefined,
    depths: ReadonlyMap<string, number>,
    overloads: ReadonlyMap<string, number>,
  ): void {
    this.depth.reset();
    for (const [model, jobs] of depths) this.depth.set({ model }, jobs);
    this.memory.set(memory && memory.maxBytes > 0 ? memory.usedBytes / memory.maxBytes : 0);
    for (const [reason, models] of overloads) this.overload.set({ reason }, models);
  }

  answered({ method, route, status, held, elapsedMs }: Answered): void {
    this.requests.inc({ method, route, status });
    this.duration.observe({ route, held: String(held) }, elapsedMs / 1000);
  }

  problem(code: ProblemCode): void {
    this.problems.inc({ code });
  }

  /** @param outcome `hit`: answered with a result that is kept; `bypassed`: its caller wants none such. */
  cacheAsked(model: string, version: string, outcome: 'hit' | 'bypassed'): void {
    this.cache.inc({ model, version, outcome });
  }

  jobAccepted(model: string, version: string): void {
    this.accepted.inc({ model, version });
  }

  jobsPutBack(model: string, jobs: number): void {
    this.putBack.inc({ model }, jobs);
  }

  dataLost(): void {
    this.losses.inc();
  }
}
