import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { baseUrl, CONFIG, type Config } from '#libs/config';
import type { WebhookPayload } from '#libs/contracts';
import {
  type Delivery,
  type DeliveryHandler,
  DeliveryRefused,
  type JobRecord,
  JobStore,
  Payloads,
  recordAtEnd,
  toJobView,
} from '#libs/jobs';
import { OutboundForbidden, WebhookSender } from '#libs/webhooks';
import { CourierMetrics } from './courier.metrics.js';

const GONE = 410;

/** Makes an owed callback into a signed POST, from the job's record. */
@Injectable()
export class DeliveryService implements DeliveryHandler, OnApplicationShutdown {
  private readonly logger = new Logger('Delivery');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly store: JobStore,
    private readonly sender: WebhookSender,
    private readonly metrics: CourierMetrics,
    private readonly payloads: Payloads,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.sender.close();
  }

  async deliver(delivery: Delivery, id: string, attempt: number): Promise<void> {
    const line = {
      job_id: delivery.jobId,
      request_id: delivery.requestId,
      webhook_id: id,
      event: delivery.event,
      attempt,
    };
    const record = await this.store.find(delivery.jobId);
    const url = record?.spec.webhook?.url;
    if (!record || url === undefined) {
      // Kept no longer, result and all: there is nothing left to tell.
      this.logger.warn(line, 'job is no longer kept, callback dropped');
      return;
    }
    const { status, latencyMs } = await this.send(url, id, delivery, record, line);
    if (status >= 200 && status < 300) {
      this.metrics.attempt(delivery.event, 'delivered', latencyMs);
      this.logger.log({ ...line, status, latency_ms: latencyMs }, 'webhook delivered');
      // Of another end the record still owes its callback.
      if (record.status === delivery.event) await this.store.expireInTime(record);
      return;
    }
    this.metrics.attempt(delivery.event, status === GONE ? 'gone' : 'refused', latencyMs);
    this.logger.warn({ ...line, status, latency_ms: latencyMs }, 'webhook not accepted');
    const message = `the receiver answered ${String(status)}`;
    throw status === GONE ? new DeliveryRefused(message) : new Error(message);
  }

  private async send(url: string, id: string, delivery: Delivery, record: JobRecord, line: object) {
    try {
      const payload = this.payload(delivery, await this.payloads.complete(record));
      return await this.sender.send(url, id, payload, record.spec.traceparent);
    } catch (error) {
      const forbidden = forbiddenIn(error);
      const reason = forbidden?.message ?? (error as Error).message;
      this.metrics.attempt(delivery.event, forbidden ? 'forbidden' : 'unreachable');
      this.logger.warn({ ...line, reason }, 'webhook not delivered');
      throw forbidden ? new DeliveryRefused(reason) : new Error(reason, { cause: error });
    }
  }

  private payload({ event }: Delivery, record: JobRecord): WebhookPayload {
    const ended = recordAtEnd(record, event);
    return {
      type: `job.${event}`,
      timestamp: new Date(ended.endedAt ?? Date.now()).toISOString(),
      data: toJobView(ended, baseUrl(this.config)),
    };
  }
}

/** The guard's refusal, which the HTTP client may have wrapped. */
function forbiddenIn(error: unknown): OutboundForbidden | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof OutboundForbidden) return at;
  }
  return undefined;
}
