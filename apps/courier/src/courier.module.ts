import { type DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { type Config, ConfigModule } from '#libs/config';
import { JobsModule, RedisMetrics } from '#libs/jobs';
import { TelemetryModule } from '#libs/telemetry';
import { DeliveryModule } from './delivery.module.js';
import { Dispatcher } from './dispatcher.js';
import { HealthController } from './health.controller.js';
import { OutboxRelay } from './outbox.relay.js';

/** Delivers webhooks. */
@Module({})
export class CourierModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: CourierModule,
      imports: [
        ConfigModule.forRoot(config),
        TelemetryModule.forRoot('courier'),
        JobsModule.forRoot({ failFast: false }),
        TerminusModule.forRoot({ logger: false }),
        DeliveryModule,
      ],
      controllers: [HealthController],
      providers: [Dispatcher, OutboxRelay, RedisMetrics],
    };
  }
}
