import type { JobView } from './job.js';

/** The events that end a job: those a webhook is called for unless it says otherwise. */
export const END_EVENTS = ['succeeded', 'failed', 'canceled', 'expired'] as const;

/** The events that a webhook can be asked for. */
export const WEBHOOK_EVENTS = ['started', 'progress', ...END_EVENTS] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Where a job's events go, and which of them. */
export interface WebhookTarget {
  url: string;
  events: WebhookEvent[];
}

/** The body of a webhook, after Standard Webhooks. */
export interface WebhookPayload {
  type: `job.${WebhookEvent}`;
  /** When the event happened, RFC 3339. */
  timestamp: string;
  /** 1 for the first event that the job's webhook was to hear of, then 2, without a gap. */
  sequence: number;
  /** The job as it was then. */
  data: JobView;
}
