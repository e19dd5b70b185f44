import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { APP_VERSION } from '#libs/config';
import type { VersionReport, WorkerReport } from '#libs/contracts';
import { type DataLoss, RedisIndicator, Witness } from '#libs/jobs';
import { BackPressure } from '../limits/back.pressure.js';
import { ModelCatalog } from '../models/model.catalog.js';

export const HEALTH_STATUSES = ['healthy', 'degraded', 'unhealthy'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];
export type HealthOverview = Awaited<ReturnType<HealthService['overview']>>;

/** What the whole installation is like, seen from here. */
@Injectable()
export class HealthService {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly redis: RedisIndicator,
    private readonly catalog: ModelCatalog,
    private readonly pressure: BackPressure,
    private readonly witness: Witness,
  ) {}

  /** Up where a job could be taken: some model can be served, or could be once a worker is back. */
  checkModels(): HealthIndicatorResult {
    const indicator = this.indicators.check('models');
    const usable = this.catalog
      .list()
      .some((model) =>
        model.versions.some(
          ({ report }) => report.state === 'ready' || report.state === 'unloaded',
        ),
      );
    return usable ? indicator.up() : indicator.down('no model can be served yet');
  }

  /** The operator's overview. */
  async overview() {
    const { redis } = await this.redis.check();
    const redisUp = redis?.status === 'up';
    const workers = this.catalog.liveWorkers();
    const models = this.catalog.list();
    const failed = models.some(
      ({ report, versions }) =>
        report.reason !== undefined || versions.some((v) => hasFailed(v.report)),
    );
    const overloads = this.pressure.overloads();
    const { loss } = this.witness;
    const allServed = workers.length > 0 && !failed && overloads.length === 0 && !loss;
    return {
      status: statusOf(redisUp, allServed),
      version: APP_VERSION,
      redis: redisUp ? ('up' as const) : ('down' as const),
      overloads: overloads.map(({ reason, model = null }) => ({ reason, model })),
      data_loss: loss && toView(loss),
      workers: workers.map((worker) => ({
        id: worker.id,
        host: worker.host,
        pid: worker.pid,
        version: worker.app_version,
        started_at: worker.started_at,
        execution_providers: { asked: worker.execution_providers, used: providersIn(worker) },
      })),
      accelerators: [...new Set(workers.flatMap(providersIn))].sort(),
      models: models.map((model) => ({
        name: model.name,
        reason: model.report.reason ?? null,
        versions: model.versions.map(({ report }) => ({
          version: report.version,
          state: report.state,
          reason: report.reason ?? null,
          update: report.update ?? null,
        })),
      })),
    };
  }
}

/** Also where an older state is served, because the one on disk is broken. */
function hasFailed({ state, update }: VersionReport): boolean {
  return state === 'failed' || update?.state === 'failed';
}

/** The execution providers that a worker's runners really use. */
function providersIn({ models }: WorkerReport): string[] {
  const used = models.flatMap(({ versions }) =>
    versions.flatMap((v) => v.execution_provider ?? []),
  );
  return [...new Set(used)].sort();
}

function toView({ since, until }: DataLoss) {
  return {
    since: since === null ? null : new Date(since).toISOString(),
    until: new Date(until).toISOString(),
  };
}

function statusOf(redisUp: boolean, allServed: boolean): HealthStatus {
  if (!redisUp) return 'unhealthy';
  return allServed ? 'healthy' : 'degraded';
}
