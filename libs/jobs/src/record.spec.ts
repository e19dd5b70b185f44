import { describe, expect, it } from '@jest/globals';
import { jobProblem } from '#libs/contracts';
import { newJobId, partitionOfModel } from './job-id.js';
import { Keys } from './keys.js';
import { decodeRecord, encodeEnd, type JobSpec, queuedRecord, toJobView } from './record.js';

const timing = {
  queue_ms: 1,
  batch_wait_ms: 2,
  load_ms: 0,
  preprocess_ms: 3,
  inference_ms: 4,
  postprocess_ms: 5,
  total_ms: 15,
};
const spec: JobSpec = {
  id: newJobId(partitionOfModel('iris')),
  model: 'iris',
  version: '2',
  count: 2,
  bytes: 3,
  many: true,
  owner: 'ann',
  createdAt: 1000,
  resultTtlS: 60,
  requestId: 'r',
  metadata: { a: 'b' },
  warnings: [],
};

/** What Redis tag-hashes of a key. */
function hashTag(key: string): string {
  return /\{(.*?)\}/.exec(key)?.[1] ?? key;
}

describe('keys', () => {
  const keys = new Keys('foretell');

  it.each(['iris', 'A.b-c_9', 'x'.repeat(63)])(
    'put queue and records of %s in one slot',
    (model) => {
      const record = keys.record(newJobId(partitionOfModel(model)));
      expect(hashTag(record)).toBe(hashTag(keys.queuePrefix(model)));
      expect(hashTag(record)).toMatch(/^foretell:[0-9a-f]{3}$/);
    },
  );

  it('put what one script writes in one slot', () => {
    const tags = [keys.fleet, keys.lastCatalog, keys.worker('w')].map(hashTag);
    expect(new Set(tags).size).toBe(1);
  });

  it('of two installations have nothing in common', () => {
    const other = new Keys('other');
    expect(other.record(spec.id)).not.toBe(keys.record(spec.id));
    expect(other.webhookSecrets).not.toBe(keys.webhookSecrets);
    expect(other.fleetChannel).not.toBe(keys.fleetChannel);
  });

  it('have a queue name for a folder that no model may be called after', () => {
    expect(keys.queueName('iris')).toBe('predict-iris');
    expect(keys.queueName('a:b')).not.toContain(':');
  });
});

describe('the job as clients see it', () => {
  it('says why it has its version', () => {
    const pinned = queuedRecord({ ...spec, versionReason: 'pinned' });
    expect(toJobView(pinned, 'https://x').version_reason).toBe('pinned');
  });

  it('is queued at first', () => {
    expect(toJobView(queuedRecord(spec), 'https://x')).toEqual({
      id: spec.id,
      object: 'job',
      status: 'queued',
      model: 'iris',
      version: '2',
      version_reason: 'default',
      outputs: null,
      error: null,
      progress: { done: 0, total: 2 },
      queue: null,
      attempts: 0,
      attempt_history: [],
      created_at: '1970-01-01T00:00:01.000Z',
      started_at: null,
      ended_at: null,
      expires_at: null,
      timing: null,
      batch_size: null,
      cached: false,
      warnings: [],
      metadata: { a: 'b' },
      request_id: 'r',
      status_url: `https://x/v1/jobs/${spec.id}`,
      events_url: `https://x/v1/jobs/${spec.id}/events`,
      cancel_url: `https://x/v1/jobs/${spec.id}/cancel`,
    });
  });

  it('has output instead of outputs where it was submitted with input', () => {
    const single = { ...spec, many: false, count: 1 };
    const view = toJobView({ ...queuedRecord(single), outputs: [{ label: 'x' }] }, '');
    expect(view.output).toEqual({ label: 'x' });
    expect(view).not.toHaveProperty('outputs');
    expect(toJobView(queuedRecord(single), '').output).toBeNull();
  });

  it('keeps null and false outputs as they are', () => {
    const view = toJobView({ ...queuedRecord(spec), outputs: [null, false] }, '');
    expect(view.outputs).toEqual([null, false]);
  });

  it('tells of its end, its error and when it goes', () => {
    const error = jobProblem('inference-failed', 'x');
    const record = decodeRecord({
      status: 'failed',
      spec: JSON.stringify(spec),
      started_at: '2000',
      ended_at: '3000',
      outputs: '[1,2]',
      end: encodeEnd({ error, done: 0, timing, batchSize: 7 }),
    });
    if (!record) throw new Error('not decoded');
    expect(toJobView(record, '')).toMatchObject({
      status: 'failed',
      error,
      started_at: '1970-01-01T00:00:02.000Z',
      ended_at: '1970-01-01T00:00:03.000Z',
      expires_at: '1970-01-01T00:01:03.000Z',
      timing,
      batch_size: 7,
      attempts: 1,
    });
  });

  it('never shows its owner', () => {
    expect(JSON.stringify(toJobView(queuedRecord(spec), ''))).not.toContain('ann');
  });

  it('is not there where the hash is empty', () => {
    expect(decodeRecord({})).toBeNull();
    expect(decodeRecord({ status: 'queued' })).toBeNull();
  });
});
