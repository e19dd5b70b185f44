import { ProblemError } from '#libs/contracts';
import { failSpan, startSpan, traceparentOf } from '#libs/telemetry';
import type { Caller } from '../http/caller.js';
import type { Submitted } from './keyed.submissions.js';

/** Has a submission a span, which the spans of its job are under. @param submit is given the caller with it. */
export function traceSubmission(
  caller: Caller,
  submit: (caller: Caller) => Promise<Submitted>,
): Promise<Submitted> {
  const span = startSpan('submit', caller, { kind: 'producer', attributes: {} });
  if (!span) return submit(caller);
  return submit({ ...caller, traceparent: traceparentOf(span) })
    .then((submitted) => {
      const { id, model, version, count } = submitted.record.spec;
      span.setAttributes({
        'messaging.system': 'bullmq',
        'messaging.operation.type': 'send',
        'messaging.operation.name': 'submit',
        'messaging.message.id': id,
        'foretell.model': model,
        'foretell.version': version,
        'foretell.rows': count,
        'foretell.replayed': submitted.replayed,
      });
      return submitted;
    })
    .catch((error: unknown) => {
      failSpan(span, error instanceof ProblemError ? error.code : 'internal');
      throw error;
    })
    .finally(() => {
      span.end();
    });
}
