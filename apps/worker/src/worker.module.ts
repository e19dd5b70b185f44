import { type DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { type Config, ConfigModule } from '#libs/config';
import { JobsModule } from '#libs/jobs';
import { TelemetryModule } from '#libs/telemetry';
import { ApartInputs } from './apart.inputs.js';
import { BatchExecutor } from './batch.executor.js';
import { FleetReporter } from './fleet.reporter.js';
import { HealthController } from './health.controller.js';
import { JobCanceler } from './job.canceler.js';
import { JobExits } from './job.exits.js';
import { JobIntake } from './job.intake.js';
import { JobPublisher } from './job.publisher.js';
import { JobRetries } from './job.retries.js';
import { JobStarter } from './job.starter.js';
import { MemoryBudget } from './memory.budget.js';
import { ModelHost } from './model.host.js';
import { ProgressWriter } from './progress.writer.js';
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
        FleetReporter,
        JobCanceler,
        JobExits,
        JobIntake,
        JobPublisher,
        JobRetries,
        JobStarter,
        MemoryBudget,
        ModelHost,
        ProgressWriter,
        WorkerMetrics,
      ],
    };
  }
}
