import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { CONFIG, type Config, ConfigModule } from '#libs/config';
import { JobsModule } from '#libs/jobs';
import { TelemetryModule } from '#libs/telemetry';
import { OutboundGuard } from '#libs/webhooks';
import { ApiMetrics } from './api.metrics.js';
import { HealthController } from './health/health.controller.js';
import { HealthService } from './health/health.service.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ProblemsController } from './http/problems.controller.js';
import { JobsController } from './jobs/jobs.controller.js';
import { ModelCatalog } from './models/model.catalog.js';
import { ModelsController } from './models/models.controller.js';
import { PredictController } from './predict/predict.controller.js';
import { PredictService } from './predict/predict.service.js';
import { ApiKeyGuard } from './security/api-key.guard.js';
import { ApiKeys } from './security/api-keys.js';

/** HTTP in, jobs out. */
@Module({})
export class ApiModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        ConfigModule.forRoot(config),
        TelemetryModule.forRoot('api'),
        JobsModule.forRoot({ failFast: true }),
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: [
        PredictController,
        JobsController,
        ModelsController,
        HealthController,
        ProblemsController,
      ],
      providers: [
        ApiKeys,
        ApiMetrics,
        HealthService,
        ModelCatalog,
        PredictService,
        { provide: APP_GUARD, useClass: ApiKeyGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
        {
          provide: OutboundGuard,
          inject: [CONFIG],
          useFactory: ({ webhooks }: Config) => new OutboundGuard(webhooks.OUTBOUND_ALLOW),
        },
      ],
    };
  }
}
