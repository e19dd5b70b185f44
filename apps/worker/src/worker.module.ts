import { type DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CONFIG, type Config, ConfigModule } from '#libs/config';
import { JobsModule, RedisMetrics } from '#libs/jobs';
import { TelemetryModule } from '#libs/telemetry';
import { FileFetcher, OutboundClient, OutboundGuard } from '#libs/webhooks';
import { ApartInputs } from './apart.inputs.js';
import { BatchExecutor } from './batch.executor.js';
import { DriftMetrics } from './drift/drift.metrics.js';
import { DriftReferences } from './drift/drift.references.js';
import { DriftWatch } from './drift/drift.watch.js';
import { FleetReporter } from './fleet.reporter.js';
import { HealthController } from './health.controller.js';
import { JobCanceler } from './job.canceler.js';
import { JobExits } from './job.exits.js';
import { JobIntake } from './job.intake.js';
import { JobObserver } from './job.observer.js';
import { JobPublisher } from './job.publisher.js';
import { JobRetries } from './job.retries.js';
import { JobStarter } from './job.starter.js';
import { MemoryBudget } from './memory.budget.js';
import { ModelHost } from './model.host.js';
import { ProgressWriter } from './progress.writer.js';
import { RemoteInputs } from './remote.inputs.js';
import { TokenWriter } from './token.writer.js';
import { SingleFlight } from './single.flight.js';
import { RolloutGuard } from './rollout.guard.js';
import { ShadowTraffic } from './shadow.traffic.js';
import { WorkerMetrics } from './worker.metrics.js';

/** Takes jobs, batches them, runs them, publishes their results. */
@Module({})
export class WorkerModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        ConfigModule.forRoot(config),
        TelemetryModule.forRoot('worker'),
        JobsModule.forRoot({ failFast: false }),
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: [HealthController],
      providers: [
        ApartInputs,
        BatchExecutor,
        DriftMetrics,
        DriftReferences,
        DriftWatch,
        FleetReporter,
        JobCanceler,
        JobExits,
        JobIntake,
        JobObserver,
        JobPublisher,
        JobRetries,
        JobStarter,
        MemoryBudget,
        ModelHost,
        ProgressWriter,
        SingleFlight,
        TokenWriter,
        RedisMetrics,
        RemoteInputs,
        RolloutGuard,
        ShadowTraffic,
        WorkerMetrics,
        { provide: OutboundClient, inject: [CONFIG], useFactory: outboundClient },
        { provide: FileFetcher, inject: [CONFIG, OutboundClient], useFactory: fileFetcher },
      ],
    };
  }
}

function outboundClient({ inputs, webhooks }: Config): OutboundClient {
  const guard = new OutboundGuard({
    allow: webhooks.OUTBOUND_ALLOW,
    nameServers: webhooks.OUTBOUND_DNS,
  });
  return new OutboundClient(guard, { timeoutMs: inputs.INPUT_FETCH_TIMEOUT_S * 1000 });
}

function fileFetcher({ inputs }: Config, client: OutboundClient): FileFetcher {
  const { INPUT_FETCH_TIMEOUT_S, INPUT_FETCH_MAX_BYTES } = inputs;
  return new FileFetcher(client, {
    timeoutMs: INPUT_FETCH_TIMEOUT_S * 1000,
    maxBytes: INPUT_FETCH_MAX_BYTES,
  });
}
