import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { OutboundClient, OutboundGuard, WebhookSender } from '#libs/webhooks';
import { CourierMetrics } from './courier.metrics.js';
import { DeliveryReport } from './delivery.report.js';
import { DeliveryService } from './delivery.service.js';

/** What one delivery takes; when, and which, is for others to say. */
@Module({
  providers: [
    CourierMetrics,
    DeliveryReport,
    DeliveryService,
    {
      provide: OutboundClient,
      inject: [CONFIG],
      useFactory: ({ webhooks }: Config) =>
        new OutboundClient(
          new OutboundGuard({
            allow: webhooks.OUTBOUND_ALLOW,
            nameServers: webhooks.OUTBOUND_DNS,
          }),
          { timeoutMs: webhooks.WEBHOOK_TIMEOUT_S * 1000 },
        ),
    },
    {
      provide: WebhookSender,
      inject: [OutboundClient],
      useFactory: (client: OutboundClient) => new WebhookSender(client),
    },
  ],
  exports: [CourierMetrics, DeliveryService, OutboundClient],
})
export class DeliveryModule {}
