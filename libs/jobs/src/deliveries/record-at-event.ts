import type { JobRecord } from '../record.js';
import type { DeliveryEvent } from './delivery.js';

/**
 * A job's record as it was when the event happened: by the time that it is told, the job may have ended, or
 * have been retried. So every attempt to deliver it tells the same.
 */
export function recordAtEvent(
  record: JobRecord,
  { event, at, tries, done }: DeliveryEvent,
): JobRecord {
  const history = record.history.slice(0, tries);
  // The attempt that it belongs to, where that has ended and was followed by another.
  const past = record.history[tries];
  if (event === 'started' || event === 'progress') {
    return {
      ...record,
      status: 'running',
      startedAt: (past ?? record).startedAt ?? at,
      endedAt: null,
      attempts: tries + 1,
      history,
      done,
      outputs: null,
      outputsApart: null,
      end: null,
    };
  }
  if (!past) return record;
  return {
    ...record,
    status: past.status,
    startedAt: past.startedAt,
    endedAt: past.endedAt,
    attempts: tries + (past.startedAt === null ? 0 : 1),
    history,
    done: 0,
    outputs: null,
    outputsApart: null,
    end: past.end,
  };
}
