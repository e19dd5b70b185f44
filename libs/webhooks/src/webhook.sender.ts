import { Webhook } from 'standardwebhooks';
import { clock } from '#libs/clock';
import type { AttemptOutcome, WebhookPayload } from '#libs/contracts';
import { answerText } from './answer-text.js';
import { failureOf, isOwnTrouble } from './attempt-failure.js';
import type { OutboundAnswer, OutboundClient } from './outbound.client.js';
import { retryAfterMs } from './retry-after.js';

/** Bytes of an answer that are kept. */
const MAX_ANSWER_BYTES = 1024;
const GONE = 410;

/** What came of sending an event once. */
export interface Sent {
  outcome: AttemptOutcome;
  /** Null where there was no answer. */
  status: number | null;
  latencyMs: number;
  /** The first 1024 bytes of the answer as text; null where there is none that can be read. */
  response: string | null;
  /** What kept the receiver from answering, without parts of the URL; null where it answered. */
  error: string | null;
  /** How long it asks to be left alone, at most a day; null where it does not. */
  retryAfterMs: number | null;
}

/** Signs events after Standard Webhooks and posts them through the guard. */
export class WebhookSender {
  constructor(private readonly client: OutboundClient) {}

  /**
   * Posts an event once, signed at this moment. Whatever the receiver does is told, not thrown.
   * @param id `webhook-id`, the same on every attempt.
   * @param secrets `whsec_…`; it is signed with each, so that a receiver may verify with any.
   * @param traceparent W3C trace context of the submission.
   * @throws what this machine has run out of, such as file descriptors: then no attempt was made.
   */
  async send(
    url: string,
    id: string,
    payload: WebhookPayload,
    secrets: readonly string[],
    traceparent?: string,
  ): Promise<Sent> {
    const body = JSON.stringify(payload);
    const now = new Date(clock.now());
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Foretell-Webhooks/1',
      'x-request-id': payload.data.request_id,
      ...(traceparent === undefined ? {} : { traceparent }),
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': secrets.map((s) => new Webhook(s).sign(id, now, body)).join(' '),
    };
    const start = performance.now();
    try {
      const request = { method: 'POST', headers, body, maxAnswerBytes: MAX_ANSWER_BYTES } as const;
      return answered(await this.client.request(url, request));
    } catch (error) {
      if (isOwnTrouble(error)) throw error;
      const latencyMs = Math.round(performance.now() - start);
      return { ...failureOf(error), status: null, latencyMs, response: null, retryAfterMs: null };
    }
  }
}

function answered({ status, headers, body, latencyMs }: OutboundAnswer): Sent {
  return {
    outcome: status >= 200 && status < 300 ? 'delivered' : status === GONE ? 'gone' : 'refused',
    status,
    latencyMs,
    response: answerText(headers, body),
    error: null,
    retryAfterMs: retryAfterMs(headers['retry-after'], clock.now()),
  };
}
