import { type DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CONFIG, type Config, ConfigModule } from '#libs/config';
import { DELIVERY_HANDLER, DeliveryConsumer, JobsModule, SecretStore } from '#libs/jobs';
import { TelemetryModule } from '#libs/telemetry';
import { OutboundGuard, WebhookSender } from '#libs/webhooks';
import { CourierMetrics } from './courier.metrics.js';
import { DeliveryService } from './delivery.service.js';
import { HealthController } from './health.controller.js';

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
      ],
      controllers: [HealthController],
      providers: [
        CourierMetrics,
        DeliveryConsumer,
        { provide: DELIVERY_HANDLER, useClass: DeliveryService },
        {
          provide: WebhookSender,
          inject: [CONFIG, SecretStore],
          useFactory: async ({ webhooks }: Config, secrets: SecretStore) =>
            new WebhookSender(
              new OutboundGuard(webhooks.OUTBOUND_ALLOW),
              webhooks.WEBHOOK_SECRET ?? (await secrets.webhookSecret()),
              webhooks.WEBHOOK_TIMEOUT_S * 1000,
            ),
        },
      ],
    };
  }
}
