import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { APP_VERSION } from '#libs/config';
import { RedisIndicator } from '#libs/jobs';
import { ModelCatalog } from '../models/model.catalog.js';

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

/** What the whole installation is like, seen from here. */
@Injectable()
export class HealthService {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly redis: RedisIndicator,
    private readonly catalog: ModelCatalog,
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
        report.reason !== undefined || versions.some((v) => v.report.state === 'failed'),
    );
    return {
      status: statusOf(redisUp, workers.length > 0 && !failed),
      version: APP_VERSION,
      redis: redisUp ? 'up' : 'down',
      workers: workers.map(({ id, host, pid, app_version, started_at }) => ({
        id,
        host,
        pid,
        version: app_version,
        started_at,
      })),
      accelerators: [...new Set(models.flatMap((m) => m.versions.map(providerOf)))].filter(
        (provider) => provider !== undefined,
      ),
      models: models.map((model) => ({
        name: model.name,
        reason: model.report.reason ?? null,
        versions: model.versions.map(({ report }) => ({
          version: report.version,
          state: report.state,
          reason: report.reason ?? null,
        })),
      })),
    };
  }
}

function providerOf({ report }: { report: { execution_provider?: string | undefined } }) {
  return report.execution_provider;
}

function statusOf(redisUp: boolean, allServed: boolean): HealthStatus {
  if (!redisUp) return 'unhealthy';
  return allServed ? 'healthy' : 'degraded';
}
