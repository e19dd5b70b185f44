import { Webhook } from 'standardwebhooks';
import { Agent, request } from 'undici';
import type { WebhookPayload } from '#libs/contracts';
import type { OutboundGuard } from './outbound-guard.js';

/** Bytes of an answer that are read; the rest is not fetched. */
const MAX_ANSWER_BYTES = 1024;

export interface Sent {
  status: number;
  latencyMs: number;
}

/** Signs events after Standard Webhooks and posts them through the guard. */
export class WebhookSender {
  private readonly webhook: Webhook;
  private readonly agent: Agent;

  /** @param secret `whsec_…` */
  constructor(
    private readonly guard: OutboundGuard,
    secret: string,
    private readonly timeoutMs: number,
  ) {
    this.webhook = new Webhook(secret);
    this.agent = new Agent({
      connect: { lookup: guard.lookup, timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      keepAliveTimeout: 10_000,
    });
  }

  /**
   * Posts an event once. Redirects are not followed: their status is the answer.
   * @param id `webhook-id`, the same on every attempt.
   * @param traceparent W3C trace context of the submission.
   * @throws OutboundForbidden, or whatever kept the receiver from answering.
   */
  async send(
    url: string,
    id: string,
    payload: WebhookPayload,
    traceparent?: string,
  ): Promise<Sent> {
    this.guard.checkUrl(url);
    const body = JSON.stringify(payload);
    const now = new Date();
    const start = performance.now();
    const answer = await request(url, {
      method: 'POST',
      dispatcher: this.agent,
      signal: AbortSignal.timeout(this.timeoutMs),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Foretell-Webhooks/1',
        'x-request-id': payload.data.request_id,
        ...(traceparent === undefined ? {} : { traceparent }),
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': this.webhook.sign(id, now, body),
      },
      body,
    });
    await answer.body.dump({ limit: MAX_ANSWER_BYTES });
    return { status: answer.statusCode, latencyMs: Math.round(performance.now() - start) };
  }

  async close(): Promise<void> {
    await this.agent.close();
  }
}
