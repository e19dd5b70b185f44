export { FetchFailed, type FetchFailure } from './fetch-failed.js';
export { FileFetcher } from './file.fetcher.js';
export { OutboundForbidden } from './outbound-forbidden.js';
export { OutboundGuard } from './outbound-guard.js';
export { OutboundClient } from './outbound.client.js';
export { type Sent, WebhookSender } from './webhook.sender.js';
