import type { WebhookEvent } from '#libs/contracts';
import type { JobRecord } from './record.js';

/**
 * A job's record as it was when the job had ended so: that of one which was retried since has moved on.
 * @returns the record as it is where it never ended so.
 */
export function recordAtEnd(record: JobRecord, event: WebhookEvent): JobRecord {
  const index = record.history.findLastIndex(({ status }) => status === event);
  const past = record.history[index];
  if (record.status === event || !past) return record;
  return {
    ...record,
    status: past.status,
    startedAt: past.startedAt,
    endedAt: past.endedAt,
    attempts: index + (past.startedAt === null ? 0 : 1),
    history: record.history.slice(0, index),
    done: 0,
    outputs: null,
    end: { error: past.error ?? undefined },
  };
}
