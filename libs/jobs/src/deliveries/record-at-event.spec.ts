import { describe, expect, it } from '@jest/globals';
import { jobSpecOf, NO_TIME } from '#libs/testing';
import { jobProblem } from '#libs/contracts';
import { type JobRecord, queuedRecord, toJobView } from '../record.js';
import { recordAtEvent } from './record-at-event.js';

const FAILED = {
  status: 'failed' as const,
  error: jobProblem('model-unavailable', ''),
  end: { error: jobProblem('model-unavailable', ''), done: 0, timing: NO_TIME, batchSize: 8 },
  startedAt: 1000,
  endedAt: 2000,
};
const CANCELED = {
  status: 'canceled' as const,
  error: jobProblem('canceled', ''),
  end: { error: jobProblem('canceled', '') },
  startedAt: null,
  endedAt: 3000,
};

const iso = (ms: number) => new Date(ms).toISOString();

/** Retried twice, and ended. */
function ended(): JobRecord {
  const spec = jobSpecOf('job_1', { createdAt: 500, count: 3 });
  return {
    ...queuedRecord(spec),
    status: 'succeeded',
    startedAt: 4000,
    endedAt: 5000,
    attempts: 3,
    history: [FAILED, CANCELED],
    outputs: [1],
    end: { done: 3 },
  };
}

describe('recordAtEvent', () => {
  it('is the job as it was when the attempt had ended', () => {
    const event = { event: 'failed', at: 2000, tries: 0, done: 0 } as const;
    const view = toJobView(recordAtEvent(ended(), event), '');
    expect(view).toMatchObject({
      status: 'failed',
      error: { code: 'model-unavailable' },
      attempts: 1,
      attempt_history: [],
      started_at: iso(1000),
      ended_at: iso(2000),
      expires_at: iso(62_000),
      output: null,
      timing: NO_TIME,
      batch_size: 8,
    });
  });

  it('knows the attempts before that one, and that it had not started', () => {
    const event = { event: 'canceled', at: 3000, tries: 1, done: 0 } as const;
    const view = toJobView(recordAtEvent(ended(), event), '');
    expect(view).toMatchObject({ status: 'canceled', attempts: 1, started_at: null });
    expect(view.attempt_history).toMatchObject([{ attempt: 1, status: 'failed' }]);
  });

  it('is the record as it is where nothing has followed', () => {
    const record = ended();
    expect(recordAtEvent(record, { event: 'succeeded', at: 5000, tries: 2, done: 0 })).toBe(record);
  });

  it.each([
    [0, 1000, 1],
    [2, 4000, 3],
  ])('of attempt %# that ran shows nothing of what came later', (tries, startedAt, attempts) => {
    const event = { event: 'progress', at: 4500, tries, done: 2 } as const;
    const view = toJobView(recordAtEvent(ended(), event), '');
    expect(view).toMatchObject({
      status: 'running',
      output: null,
      error: null,
      progress: { done: 2, total: 3 },
      attempts,
      started_at: iso(startedAt),
      ended_at: null,
      expires_at: null,
    });
    expect(view.attempt_history).toHaveLength(tries);
  });

  it('says that a job has started before its record does', () => {
    const record = queuedRecord(jobSpecOf('job_1'));
    const view = toJobView(
      recordAtEvent(record, { event: 'started', at: 7, tries: 0, done: 0 }),
      '',
    );
    expect(view).toMatchObject({ status: 'running', started_at: iso(7) });
  });
});
