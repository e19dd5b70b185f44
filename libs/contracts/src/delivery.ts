import type { WebhookEvent } from './webhook-event.js';

/** `pending` until the receiver has taken it, or nobody tries any longer. A redelivery is pending again. */
export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Why a delivery has failed for good. */
export const DELIVERY_FAILURES = [
  'attempts-exhausted',
  'receiver-gone',
  'receiver-disabled',
  'url-forbidden',
  'outputs-lost',
] as const;
export type DeliveryFailure = (typeof DELIVERY_FAILURES)[number];

/**
 * What came of one attempt: 2xx, 410, another status, no connection or one that broke, no answer in time,
 * an address that may not be called.
 */
export const ATTEMPT_OUTCOMES = [
  'delivered',
  'gone',
  'refused',
  'unreachable',
  'timed-out',
  'forbidden',
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** One attempt to deliver a webhook. */
export interface DeliveryAttempt {
  /** 1 is the first; a redelivery counts on. */
  attempt: number;
  /** When it was made, RFC 3339. */
  at: string;
  outcome: AttemptOutcome;
  /** HTTP status of the answer; null where there was none. */
  status: number | null;
  latency_ms: number;
  /** First 1024 bytes of the answer, as text; null where there was none. */
  response: string | null;
  /** What kept the receiver from answering; null where it answered. */
  error: string | null;
}

/** An event on its way to a receiver, as clients see it. */
export interface DeliveryView {
  /** The `webhook-id`. */
  id: string;
  object: 'delivery';
  job_id: string;
  event: WebhookEvent;
  /** Place among the events of its job. */
  sequence: number;
  status: DeliveryStatus;
  /** Null unless it has failed. */
  failure: DeliveryFailure | null;
  /** When the event happened. */
  created_at: string;
  /** Null unless it waits for another attempt. */
  next_attempt_at: string | null;
  /** How many attempts were made, those that are kept no longer included. */
  attempts: number;
  /** The latest 50, oldest first. */
  attempt_log: DeliveryAttempt[];
}

/** A receiver that has not taken its deliveries lately; one that does is not heard of. */
export interface ReceiverView {
  id: string;
  object: 'receiver';
  url: string;
  /** Since when nothing was delivered to it. */
  failing_since: string;
  last_failure_at: string;
  last_outcome: AttemptOutcome;
  last_status: number | null;
  /** Since when nothing is sent to it any more; null while it is. */
  disabled_at: string | null;
  /** `gone`: it answered 410; `failing`: nothing was delivered for days. */
  disabled_because: 'gone' | 'failing' | null;
}

/** What the receivers of a key verify with. */
export interface WebhookSecretView {
  object: 'webhook_secret';
  /** `whsec_…`: sign and verify with it. */
  secret: string;
  /** The one before, as long as messages are signed with both; null where there is none. */
  previous: { secret: string; valid_until: string | null } | null;
}
