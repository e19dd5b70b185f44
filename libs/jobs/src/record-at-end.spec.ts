import { describe, expect, it } from '@jest/globals';
import { jobSpecOf } from '#libs/testing';
import { jobProblem } from '#libs/contracts';
import { type JobRecord, queuedRecord, toJobView } from './record.js';
import { recordAtEnd } from './record-at-end.js';

const FAILED = {
  status: 'failed' as const,
  error: jobProblem('model-unavailable', ''),
  startedAt: 1000,
  endedAt: 2000,
};
const CANCELED = {
  status: 'canceled' as const,
  error: jobProblem('canceled', ''),
  startedAt: null,
  endedAt: 3000,
};

/** Retried twice, and running. */
function retried(): JobRecord {
  const spec = jobSpecOf('job_1', { createdAt: 500 });
  const history = [FAILED, CANCELED];
  return { ...queuedRecord(spec), status: 'running', startedAt: 4000, attempts: 3, history };
}

describe('recordAtEnd', () => {
  it('is the job as it was when the attempt had ended', () => {
    const view = toJobView(recordAtEnd(retried(), 'failed'), '');
    expect(view).toMatchObject({
      status: 'failed',
      error: { code: 'model-unavailable' },
      attempts: 1,
      attempt_history: [],
      started_at: new Date(1000).toISOString(),
      ended_at: new Date(2000).toISOString(),
      expires_at: new Date(62_000).toISOString(),
    });
  });

  it('knows the attempts before that one, and that it had not started', () => {
    const view = toJobView(recordAtEnd(retried(), 'canceled'), '');
    expect(view).toMatchObject({ status: 'canceled', attempts: 1, started_at: null });
    expect(view.attempt_history).toMatchObject([{ attempt: 1, status: 'failed' }]);
  });

  it('is the record as it is where that has ended so, or never did', () => {
    const again: JobRecord = { ...retried(), status: 'failed', endedAt: 5000 };
    expect(recordAtEnd(again, 'failed')).toBe(again);
    expect(recordAtEnd(again, 'succeeded')).toBe(again);
  });
});
