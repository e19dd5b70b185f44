import type { JobView } from './job.js';

/** The events that a webhook can be asked for; each ends the job. */
export const WEBHOOK_EVENTS = ['succeeded', 'failed', 'canceled', 'expired'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** The body of a webhook, after Standard Webhooks. */
export interface WebhookPayload {
  type: `job.${WebhookEvent}`;
  /** When the event happened, RFC 3339. */
  timestamp: string;
  data: JobView;
}
