import { deliveryId } from '#libs/jobs';
import { failSpan, isTracing, type Span, startSpan } from '#libs/telemetry';
import type { Sent } from '#libs/webhooks';
import type { KnownDelivery } from './known-delivery.js';

/** Of one attempt to deliver, under the job's submission. @returns undefined where that is not traced. */
export function startAttemptSpan({
  delivery,
  event,
  state,
  record,
  receiver,
}: KnownDelivery): Span | undefined {
  if (!isTracing()) return undefined;
  // Never more of the URL, which may hold a secret.
  const { hostname, port, protocol } = new URL(receiver.url);
  return startSpan(`webhook job.${event.event}`, record.spec, {
    kind: 'client',
    attributes: {
      'http.request.method': 'POST',
      'http.request.resend_count': state.attempts,
      'server.address': hostname,
      'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
      'foretell.job.id': delivery.jobId,
      'foretell.request.id': record.spec.requestId,
      'foretell.webhook.id': deliveryId(delivery),
    },
  });
}

export function endAttemptSpan(span: Span | undefined, { outcome, status }: Sent): void {
  if (!span) return;
  if (status !== null) span.setAttribute('http.response.status_code', status);
  span.setAttribute('foretell.webhook.outcome', outcome);
  if (outcome !== 'delivered') failSpan(span, status === null ? outcome : String(status));
  span.end();
}
