import { Inject, Injectable } from '@nestjs/common';
import { clock } from '#libs/clock';
import { baseUrl, CONFIG, type Config } from '#libs/config';
import {
  type DeliveryAttempt,
  type DeliveryFailure,
  ProblemError,
  type WebhookPayload,
} from '#libs/contracts';
import {
  type Delivery,
  deliveryId,
  DeliveryLog,
  type DeliveryState,
  type JobRecord,
  JobStore,
  Payloads,
  Receivers,
  recordAtEvent,
  type Settlement,
  toJobView,
  WebhookSecrets,
} from '#libs/jobs';
import { traceparentOf } from '#libs/telemetry';
import { type Sent, WebhookSender } from '#libs/webhooks';
import { endAttemptSpan, startAttemptSpan } from './attempt.spans.js';
import { DeliveryReport } from './delivery.report.js';
import type { KnownDelivery } from './known-delivery.js';
import { retryDelayMs } from './retry-delay.js';

/** A receiver that takes longer shares what there is for those that may hang. */
const QUICK_MS = 3000;

/** Makes an event that is owed into a signed POST, from the job's record, and keeps what came of it. */
@Injectable()
export class DeliveryService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly store: JobStore,
    private readonly payloads: Payloads,
    private readonly log: DeliveryLog,
    private readonly receivers: Receivers,
    private readonly secrets: WebhookSecrets,
    private readonly sender: WebhookSender,
    private readonly report: DeliveryReport,
  ) {}

  /**
   * @throws what Redis, or the store of payloads, threw, or what this machine has run out of: then nothing is
   *   settled, and no attempt was made.
   */
  async deliver(delivery: Delivery): Promise<Settlement> {
    const [record, known] = await Promise.all([
      this.store.find(delivery.jobId),
      this.log.find(delivery),
    ]);
    const url = record?.spec.webhook?.url;
    if (!record || !known || url === undefined) {
      this.report.dropped(delivery);
      return {};
    }
    const { status, nextAt = 0 } = known.state;
    if (status !== 'pending') {
      // Settled by a courier that died, or was too slow, before it could say so.
      if (status === 'failed') await this.index(record, delivery);
      return {};
    }
    // Put into the schedule twice: its time has not come.
    if (nextAt > clock.now()) return { nextAt };
    const receiver = { owner: record.spec.owner, url };
    const due: KnownDelivery = { delivery, ...known, record, receiver };
    // Together: deliveries to one receiver wait for each other's way to Redis and back.
    const [trouble, secrets] = await Promise.all([
      this.receivers.find(receiver),
      this.secrets.signing(receiver.owner),
    ]);
    if (trouble?.disabled_at != null && known.state.asked === undefined) {
      await this.giveUp(due, known.state, 'receiver-disabled');
      return {};
    }
    const then = await this.payloads.complete(recordAtEvent(record, known.event)).catch(lost);
    if (!then) {
      await this.giveUp(due, known.state, 'outputs-lost');
      return {};
    }
    const at = new Date(clock.now()).toISOString();
    const sent = await this.send(due, then, secrets);
    if (sent.outcome === 'delivered') {
      if (trouble) await this.receivers.recovered(receiver);
    } else if (await this.receivers.failed(receiver, sent)) {
      this.report.disabled(due, sent.outcome);
    }
    return this.settle(due, at, sent);
  }

  /** @param then the job as it was. */
  private async send(
    due: KnownDelivery,
    then: JobRecord,
    secrets: readonly string[],
  ): Promise<Sent> {
    const { delivery, event, record, receiver } = due;
    const payload: WebhookPayload = {
      type: `job.${event.event}`,
      timestamp: new Date(event.at).toISOString(),
      sequence: delivery.sequence,
      data: toJobView(then, baseUrl(this.config)),
    };
    const id = deliveryId(delivery);
    const span = startAttemptSpan(due);
    const traceparent = span ? traceparentOf(span) : record.spec.traceparent;
    const sent = await this.sender.send(receiver.url, id, payload, secrets, traceparent);
    endAttemptSpan(span, sent);
    return sent;
  }

  private async settle(due: KnownDelivery, at: string, sent: Sent): Promise<Settlement> {
    const { attempts, tried, asked } = due.state;
    const made = { attempts: attempts + 1, tried: tried + 1, asked };
    const attempt: DeliveryAttempt = {
      attempt: made.attempts,
      at,
      outcome: sent.outcome,
      status: sent.status,
      latency_ms: sent.latencyMs,
      response: sent.response,
      error: sent.error,
    };
    this.report.attempted(due, attempt);
    switch (sent.outcome) {
      case 'delivered':
        await this.delivered(due, { ...made, status: 'delivered' }, attempt);
        return { lane: sent.latencyMs <= QUICK_MS ? 'quick' : 'slow' };
      case 'gone':
        await this.giveUp(due, made, 'receiver-gone', attempt);
        return {};
      case 'forbidden':
        await this.giveUp(due, made, 'url-forbidden', attempt);
        return {};
      default:
        return this.tryAgain(due, made, attempt, sent.retryAfterMs);
    }
  }

  private async delivered(
    { delivery, record }: KnownDelivery,
    state: DeliveryState,
    attempt: DeliveryAttempt,
  ): Promise<void> {
    const pending = await this.log.write(delivery, state, attempt);
    // It was kept for this.
    if (pending === 0) await this.store.expireInTime(record);
  }

  private async tryAgain(
    due: KnownDelivery,
    made: Omit<DeliveryState, 'status'>,
    attempt: DeliveryAttempt,
    askedMs: number | null,
  ): Promise<Settlement> {
    const firstMs = this.config.webhooks.WEBHOOK_FIRST_RETRY_MS;
    const delayMs = retryDelayMs(made.tried, firstMs, askedMs);
    if (delayMs === null) {
      await this.giveUp(due, made, 'attempts-exhausted', attempt);
      return { lane: 'failing' };
    }
    const nextAt = clock.now() + delayMs;
    await this.log.write(due.delivery, { ...made, status: 'pending', nextAt }, attempt);
    return { lane: 'failing', nextAt };
  }

  private async giveUp(
    due: KnownDelivery,
    made: Omit<DeliveryState, 'status'>,
    failure: DeliveryFailure,
    attempt?: DeliveryAttempt,
  ): Promise<void> {
    const { delivery, record } = due;
    const state = { ...made, nextAt: undefined, status: 'failed', failure } as const;
    await this.log.write(delivery, state, attempt);
    await this.index(record, delivery);
    this.report.gaveUp(due, failure);
  }

  /** After it has failed, as whoever looks for failures takes what is none out of the index. */
  private index({ spec }: JobRecord, delivery: Delivery): Promise<void> {
    return this.log.gaveUp(spec.owner, spec.model, delivery);
  }
}

/** @returns null for outputs that are lost for good. @throws anything else: those may be had later. */
function lost(error: unknown): null {
  if (error instanceof ProblemError && error.code === 'job-gone') return null;
  throw error;
}
