export { OutboundForbidden, OutboundGuard } from './outbound-guard.js';
export { WebhookSender } from './webhook.sender.js';
