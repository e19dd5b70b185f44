import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { JobStore } from '#libs/jobs';
import { BatchExecutor } from './batch.executor.js';
import { JobCanceler } from './job.canceler.js';
import { batchOf, partOf, replyOf, type Taken, TestWorker } from './testing/test-worker.js';

describe('JobCanceler', () => {
  let worker: TestWorker;
  let store: JobStore;
  let executor: BatchExecutor;
  let sut: JobCanceler;

  beforeAll(async () => {
    worker = await TestWorker.start();
    store = worker.store;
    executor = worker.get(BatchExecutor);
    sut = worker.get(JobCanceler);
  });

  afterAll(() => worker.stop());

  /** Cancels, and waits until every worker that listens has heard of it. */
  async function cancel(...jobs: Taken[]): Promise<void> {
    const messages = jobs.map(({ job }) => job.message);
    const heard = new Promise<void>((resolve) => {
      const { message } = listener.job;
      sut.hold(listener.job);
      listener.job.withdraw = resolve;
      messages.push(message);
    });
    await store.cancel('iris', messages);
    await heard;
    listener = await worker.accepted();
  }
  /** A job whose cancellation tells that those before it were heard of, too. */
  let listener: Taken;
  beforeAll(async () => {
    listener = await worker.accepted();
  });

  async function counted(when: 'waiting' | 'running'): Promise<number> {
    const metric = await worker.registry.getSingleMetric('foretell_canceled_jobs_total')?.get();
    return metric?.values.find(({ labels }) => labels['when'] === when)?.value ?? 0;
  }

  async function held(about: Parameters<TestWorker['accepted']>[0] = {}): Promise<Taken> {
    const taken = await worker.accepted(about);
    sut.hold(taken.job);
    return taken;
  }

  it('drops a job that waits, and takes it out of its batcher', async () => {
    const taken = await held();
    const withdrawn = jest.fn();
    taken.job.withdraw = withdrawn;
    const before = await counted('waiting');
    await cancel(taken);
    expect(taken.told()).toBe('ended');
    expect(withdrawn).toHaveBeenCalledTimes(1);
    expect(await executor.begin(batchOf(taken.job))).toEqual([]);
    // With the one that this test listens by.
    expect(await counted('waiting')).toBe(before + 2);
  });

  it('discards what is computed of a job that runs, and publishes its batch mates', async () => {
    const [lost, mate] = [await held(), await held()];
    const batch = batchOf(lost.job, mate.job);
    await executor.begin(batch);
    const before = await counted('running');
    await cancel(lost);
    expect([lost.told(), mate.told()]).toEqual(['ended', undefined]);
    await executor.finish(batch, replyOf('"lost"', '"mate"'));
    expect(await store.find(lost.id)).toMatchObject({ status: 'canceled', outputs: null });
    expect(await store.find(mate.id)).toMatchObject({ status: 'succeeded', outputs: ['mate'] });
    expect(await counted('running')).toBe(before + 1);
  });

  it('runs no further slice of a job that was canceled after the first', async () => {
    const taken = await held({ count: 3 });
    const batch = partOf(taken.job, 0, 1);
    await executor.begin(batch);
    await cancel(taken);
    await executor.finish(batch, replyOf('0'));
    expect(await executor.begin(partOf(taken.job, 1, 3))).toEqual([]);
    expect(await store.find(taken.id)).toMatchObject({ status: 'canceled' });
  });

  it('drops a job that is taken after it was canceled', async () => {
    const taken = await worker.accepted();
    await cancel(taken);
    expect(sut.mayBeCanceled(taken.job)).toBe(true);
    await sut.check(taken.job);
    expect(taken.told()).toBe('ended');
  });

  it('keeps a job that was retried since, whenever it hears of the cancellation', async () => {
    const taken = await worker.accepted();
    await cancel(taken);
    const record = await store.find(taken.id);
    if (record) await store.retry(record, 1);
    const again = worker.taken({ ...taken.job.message, attempt: 2 });
    expect(sut.mayBeCanceled(again.job)).toBe(true);
    await sut.check(again.job);
    expect(again.told()).toBeUndefined();
    const batch = batchOf(again.job);
    await executor.begin(batch);
    await executor.finish(batch, replyOf('2'));
    expect(await store.find(taken.id)).toMatchObject({ status: 'succeeded', attempts: 2 });
  });

  it.each([
    ['not begun', {}],
    ['begun', { input: undefined }],
  ])('needs no message: a canceled job that was %s is not published', async (_, about) => {
    const taken = await worker.accepted(about);
    const batch = batchOf(taken.job);
    await executor.begin(batch);
    await store.cancel('iris', [taken.job.message]);
    await executor.finish(batch, replyOf('2'));
    expect(await store.find(taken.id)).toMatchObject({ status: 'canceled', outputs: null });
    expect(taken.told()).toBe('ended');
  });

  it('needs no message: the rest of a job stops when its progress is refused', async () => {
    const taken = await worker.accepted({ count: 3 });
    const batch = partOf(taken.job, 0, 1);
    await executor.begin(batch);
    await taken.job.starting;
    await store.cancel('iris', [taken.job.message]);
    const withdrawn = new Promise<void>((resolve) => (taken.job.withdraw = resolve));
    await executor.finish(batch, replyOf('0'));
    await withdrawn;
    expect(taken.told()).toBe('ended');
  });
});
