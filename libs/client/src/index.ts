export { ReplayMemory, type Replays } from './replay-memory.js';
export { type VerifiableWebhook, verifyWebhook, type WebhookMessage } from './verify-webhook.js';
export { type RejectionReason, WebhookRejected } from './webhook-rejected.js';
