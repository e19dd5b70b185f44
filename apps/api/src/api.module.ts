import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, DiscoveryModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { CONFIG, type Config, ConfigModule } from '#libs/config';
import { JobsModule, RedisMetrics } from '#libs/jobs';
import { MetricsController, TelemetryModule } from '#libs/telemetry';
import { OutboundGuard } from '#libs/webhooks';
import { ApiMetrics } from './api.metrics.js';
import { DriftController } from './drift/drift.controller.js';
import { DriftService } from './drift/drift.service.js';
import { FleetGauges } from './fleet.gauges.js';
import { DataWatch } from './health/data.watch.js';
import { HealthController } from './health/health.controller.js';
import { HealthService } from './health/health.service.js';
import { Leaving } from './http/leaving.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ProblemsController } from './http/problems.controller.js';
import { EventAnswers } from './jobs/event.answers.js';
import { EventStreams } from './jobs/event.streams.js';
import { EventsController } from './jobs/events.controller.js';
import { JobActions } from './jobs/job.actions.js';
import { JobActionsController } from './jobs/job-actions.controller.js';
import { JobListController } from './jobs/job-list.controller.js';
import { JobLister } from './jobs/job.lister.js';
import { JobReader } from './jobs/job.reader.js';
import { JobWaiter } from './jobs/job.waiter.js';
import { JobWatches } from './jobs/job.watches.js';
import { JobsController } from './jobs/jobs.controller.js';
import { QueuePlaces } from './jobs/queue.places.js';
import { Reconciler } from './jobs/reconciler.js';
import { Timekeeper } from './jobs/timekeeper.js';
import { Admission } from './limits/admission.js';
import { BackPressure } from './limits/back.pressure.js';
import { HeldLimits } from './limits/held.limits.js';
import { LimitHooks } from './limits/limit.hooks.js';
import { RateLimits } from './limits/rate.limits.js';
import { Refusals } from './limits/refusals.js';
import { ModelCatalog } from './models/model.catalog.js';
import { ModelDocumentController } from './models/model-document.controller.js';
import { ModelsController } from './models/models.controller.js';
import { RolloutController } from './models/rollout.controller.js';
import { VersionRouter } from './models/version.router.js';
import { Acceptance } from './predict/acceptance.js';
import { BodyLimits } from './predict/body.limits.js';
import { InputChecks } from './predict/input.checks.js';
import { Disconnects } from './predict/disconnects.js';
import { KeyedSubmissions } from './predict/keyed.submissions.js';
import { ApiDocument } from './openapi/api-document.js';
import { LargeBodies } from './predict/large.bodies.js';
import { PredictController } from './predict/predict.controller.js';
import { PredictService } from './predict/predict.service.js';
import { SubmissionAnswers } from './predict/submission.answers.js';
import { ApiKeys } from './security/api-keys.js';
import { FailedAttempts } from './security/failed-attempts.js';
import { KeysController } from './security/keys.controller.js';
import { Scope } from './security/scope.decorator.js';
import { DefaultWebhookController } from './webhooks/default-webhook.controller.js';
import { DeliveriesController } from './webhooks/deliveries.controller.js';
import { ReceiversController } from './webhooks/receivers.controller.js';
import { WebhookSecretController } from './webhooks/webhook-secret.controller.js';
import { WebhookTargets } from './webhooks/webhook.targets.js';

// Every app has metrics; only here they are behind a key.
Scope('read')(MetricsController);

/** HTTP in, jobs out. */
@Module({})
export class ApiModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        ConfigModule.forRoot(config),
        TelemetryModule.forRoot('api'),
        DiscoveryModule,
        JobsModule.forRoot({ failFast: true }),
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: [
        PredictController,
        JobListController,
        JobsController,
        EventsController,
        JobActionsController,
        ModelsController,
        ModelDocumentController,
        DriftController,
        RolloutController,
        DeliveriesController,
        WebhookSecretController,
        DefaultWebhookController,
        ReceiversController,
        KeysController,
        HealthController,
        ProblemsController,
      ],
      providers: [
        Acceptance,
        Admission,
        ApiDocument,
        ApiKeys,
        ApiMetrics,
        BackPressure,
        BodyLimits,
        DataWatch,
        DriftService,
        Disconnects,
        EventAnswers,
        EventStreams,
        FailedAttempts,
        FleetGauges,
        HealthService,
        Leaving,
        JobActions,
        JobLister,
        JobReader,
        JobWaiter,
        JobWatches,
        HeldLimits,
        InputChecks,
        KeyedSubmissions,
        LimitHooks,
        LargeBodies,
        ModelCatalog,
        PredictService,
        QueuePlaces,
        RateLimits,
        Reconciler,
        RedisMetrics,
        Refusals,
        SubmissionAnswers,
        Timekeeper,
        VersionRouter,
        WebhookTargets,
        { provide: APP_FILTER, useClass: ProblemFilter },
        {
          provide: OutboundGuard,
          inject: [CONFIG],
          useFactory: ({ webhooks }: Config) =>
            new OutboundGuard({
              allow: webhooks.OUTBOUND_ALLOW,
              nameServers: webhooks.OUTBOUND_DNS,
            }),
        },
      ],
    };
  }
}
