import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { jobProblem } from '#libs/contracts';
import { HandBack, type JobStore } from '#libs/jobs';
import { BatchExecutor } from './batch.executor.js';
import { batchOf, replyOf, TestWorker } from './testing/test-worker.js';

const UNAVAILABLE = jobProblem('model-unavailable', 'iris version 1: broken');
const INVALID = jobProblem('inference-failed', 'no');

describe('JobRetries', () => {
  let worker: TestWorker;
  let store: JobStore;
  let executor: BatchExecutor;

  beforeAll(async () => {
    worker = await TestWorker.start({ MAX_ATTEMPTS: '3', RETRY_FIRST_DELAY_MS: '1000' });
    store = worker.store;
    executor = worker.get(BatchExecutor);
  });

  afterAll(() => worker.stop());

  it('gives a job another attempt whose failure may pass, and the record its history', async () => {
    const { id, job, told } = await worker.accepted();
    await executor.fail([job], UNAVAILABLE);
    const back = told() as HandBack;
    expect(back).toBeInstanceOf(HandBack);
    expect(back.attempt).toBe(2);
    expect(back.delayMs).toBeGreaterThanOrEqual(500);
    expect(back.delayMs).toBeLessThanOrEqual(1000);
    expect(await store.find(id)).toMatchObject({
      status: 'queued',
      history: [{ status: 'failed', error: { code: 'model-unavailable' } }],
    });
  });

  it('publishes the failure of the last attempt', async () => {
    const { id, job, told } = await worker.accepted();
    let taken = { id, job, told };
    for (const attempt of [2, 3]) {
      await executor.fail([taken.job], UNAVAILABLE);
      expect(taken.told()).toMatchObject({ attempt });
      taken = worker.taken({ ...job.message, attempt });
    }
    await executor.fail([taken.job], UNAVAILABLE);
    expect(taken.told()).toBe('ended');
    expect(await store.find(id)).toMatchObject({ status: 'failed', attempts: 3 });
    expect((await store.find(id))?.history).toHaveLength(2);
  });

  it('counts by the record: a worker may have died before the queue heard of an attempt', async () => {
    const { id, job } = await worker.accepted();
    for (const message of [job.message, job.message, job.message]) {
      await executor.fail([worker.taken(message).job], UNAVAILABLE);
    }
    expect(await store.find(id)).toMatchObject({ status: 'failed', attempts: 3 });
    expect((await store.find(id))?.history).toHaveLength(2);
  });

  it('publishes what a later attempt brings', async () => {
    const { id, job } = await worker.accepted();
    await executor.fail([job], UNAVAILABLE);
    const again = worker.taken({ ...job.message, attempt: 2 });
    const batch = batchOf(again.job);
    await executor.begin(batch);
    await executor.finish(batch, replyOf('2'));
    expect(await store.find(id)).toMatchObject({ status: 'succeeded', attempts: 2, outputs: [2] });
  });

  it('leaves alone what would fail again, and what has partly succeeded', async () => {
    const [wrong, partly] = [await worker.accepted(), await worker.accepted({ count: 2 })];
    const batch = batchOf(wrong.job, partly.job);
    await executor.begin(batch);
    await executor.finish(
      batch,
      replyOf({ done: 0, error: INVALID }, { outputs: '{"error":{}},1', error: UNAVAILABLE }),
    );
    expect([wrong.told(), partly.told()]).toEqual(['ended', 'ended']);
    expect(await store.find(wrong.id)).toMatchObject({ status: 'failed', history: [] });
    expect(await store.find(partly.id)).toMatchObject({ status: 'succeeded', history: [] });
  });

  it('hands the job back even where Redis’ answer was lost, and the question came twice', async () => {
    const { id, job, told } = await worker.accepted();
    const tryAgain = store.tryAgain.bind(store);
    const twice = jest.spyOn(store, 'tryAgain').mockImplementationOnce(async (...args) => {
      await tryAgain(...args);
      return tryAgain(...args);
    });
    await executor.fail([job], UNAVAILABLE);
    expect(told()).toMatchObject({ attempt: 2 });
    expect((await store.find(id))?.history).toHaveLength(1);
    twice.mockRestore();
  });

  it('does not bring back a job that was canceled', async () => {
    const { id, job, told } = await worker.accepted();
    await store.begin('iris', [id]);
    await store.cancel('iris', [job.message]);
    await executor.fail([job], UNAVAILABLE);
    expect(told()).toBe('ended');
    expect(await store.find(id)).toMatchObject({ status: 'canceled', history: [] });
  });
});
