/**
 * Why a request is not to be acted upon. `headers-missing`: one of `webhook-id`, `webhook-timestamp` and
 * `webhook-signature` is not there, not there once, or no such thing. `signature-invalid`: none of the secrets
 * made the signature of this id, time and body. `stale`: sent more than five minutes ago, or from now.
 * `replayed`: the very same sending was seen before.
 */
export type RejectionReason = 'headers-missing' | 'signature-invalid' | 'stale' | 'replayed';

const MESSAGES: Record<RejectionReason, string> = {
  'headers-missing': 'the request is no webhook: its headers are missing or malformed',
  'signature-invalid': 'the webhook was not signed with this secret, or changed on its way',
  stale: 'the webhook was sent too long ago, or the clocks differ',
  replayed: 'the webhook was seen before',
};

/** The request is not a webhook that Foretell has just sent: answer 400 and do nothing. */
export class WebhookRejected extends Error {
  override readonly name = 'WebhookRejected';

  constructor(readonly reason: RejectionReason) {
    super(MESSAGES[reason]);
  }
}
