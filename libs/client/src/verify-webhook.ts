import type { IncomingHttpHeaders } from 'node:http';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import type { WebhookPayload } from '#libs/contracts';
import type { Replays } from './replay-memory.js';
import { WebhookRejected } from './webhook-rejected.js';

/** How far the time of sending may lie from now, either way: that of Standard Webhooks. */
const TOLERANCE_S = 5 * 60;
/** A message from a clock that is ahead is acceptable for twice the tolerance. */
const REMEMBERED_S = 2 * TOLERANCE_S;

export interface VerifiableWebhook {
  /** Of Fetch, or of node:http, Express and Fastify. */
  headers: Headers | IncomingHttpHeaders;
  /** As it came in: JSON that was parsed and written again has other bytes. */
  body: string | Uint8Array;
  /** `whsec_…`; during a rotation both, in any order. */
  secrets: string | readonly string[];
  /** Absent: replays within the tolerance are not told. */
  replays?: Replays;
}

/** A webhook that Foretell has sent. */
export interface WebhookMessage {
  /** The same on every attempt to deliver this event. */
  id: string;
  /** When this attempt was made. */
  timestamp: Date;
  event: WebhookPayload;
}

/**
 * Makes sure that a request is a webhook of Foretell, sent within the last five minutes, and unchanged.
 *
 * With `replays` it also rejects the very same sending where someone repeats it. A retry of Foretell is no
 * replay: it is signed anew, at another time, and passes. To act on each event once is up to the receiver:
 * remember the `id` of what was done.
 *
 * @example
 * const { id, event } = await verifyWebhook({ headers: request.headers, body: rawBody, secrets: SECRET, replays });
 * @throws WebhookRejected
 * @throws Error where a secret is no base64, or `replays` fails.
 */
export async function verifyWebhook(webhook: VerifiableWebhook): Promise<WebhookMessage> {
  const id = headerOf(webhook.headers, 'webhook-id');
  const signature = headerOf(webhook.headers, 'webhook-signature');
  const sentAtS = secondsOf(headerOf(webhook.headers, 'webhook-timestamp'));
  if (Math.abs(Date.now() / 1000 - sentAtS) > TOLERANCE_S) throw new WebhookRejected('stale');

  const body = textOf(webhook.body);
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(sentAtS),
    'webhook-signature': signature,
  };
  const secrets = [webhook.secrets].flat();
  if (!secrets.some((secret) => isSigned(body, headers, secret))) {
    throw new WebhookRejected('signature-invalid');
  }

  // After the signature: nobody else may fill the memory, or use up a sending that is still to come.
  const isNew = await (webhook.replays?.isNew(`${id}.${String(sentAtS)}`, REMEMBERED_S) ?? true);
  if (!isNew) throw new WebhookRejected('replayed');
  return { id, timestamp: new Date(sentAtS * 1000), event: JSON.parse(body) as WebhookPayload };
}

function headerOf(headers: Headers | IncomingHttpHeaders, name: string): string {
  const values = isFetchHeaders(headers)
    ? [headers.get(name) ?? '']
    : Object.entries(headers)
        .filter(([key]) => key.toLowerCase() === name)
        .flatMap(([, value]) => value ?? []);
  const [value = ''] = values;
  // Of several none is the one that was signed.
  if (values.length !== 1 || value === '') throw new WebhookRejected('headers-missing');
  return value;
}

function isFetchHeaders(headers: Headers | IncomingHttpHeaders): headers is Headers {
  return typeof headers.get === 'function';
}

/** `5` and `5x` must not be two sendings: what is signed is the number. */
function secondsOf(timestamp: string): number {
  if (!/^[1-9]\d{0,11}$/.test(timestamp)) throw new WebhookRejected('headers-missing');
  return Number(timestamp);
}

function textOf(body: string | Uint8Array): string {
  if (typeof body === 'string') return body;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    // Foretell sends UTF-8: this is not what it has signed.
    throw new WebhookRejected('signature-invalid');
  }
}

function isSigned(body: string, headers: Record<string, string>, secret: string): boolean {
  const webhook = new Webhook(secret);
  try {
    webhook.verify(body, headers, { jsonParse: false });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}
