import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { jobProblem } from '#libs/contracts';
import { type JobStore, Payloads } from '#libs/jobs';
import { BatchExecutor } from './batch.executor.js';
import { JobStarter } from './job.starter.js';
import { StepJob } from './pipelines/step.job.js';
import { batchOf, partOf, replyOf, TestWorker } from './testing/test-worker.js';

const INPUT = '\n0';
/** More than stays in a record. */
const LARGE = JSON.stringify('x'.repeat(70_000));
const REPLY = replyOf('2');
const PROBLEM = jobProblem('execution-timeout', '');

describe('BatchExecutor', () => {
  let worker: TestWorker;
  let store: JobStore;
  let payloads: Payloads;
  let sut: BatchExecutor;

  beforeAll(async () => {
    worker = await TestWorker.start();
    store = worker.store;
    payloads = worker.get(Payloads);
    sut = worker.get(BatchExecutor);
  });

  afterAll(() => worker.stop());

  it('publishes a quick job without having written that it started', async () => {
    const { id, job, told } = await worker.accepted();
    const batch = batchOf(job);
    // However long this test takes, the job takes less than the time after which it shows as running.
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date'] });
    expect(await sut.begin(batch)).toEqual([INPUT]);
    expect((await store.find(id))?.status).toBe('queued');
    await sut.finish(batch, REPLY);
    jest.useRealTimers();
    const record = await store.find(id);
    expect(record).toMatchObject({ status: 'succeeded', attempts: 1, outputs: [2] });
    expect(record?.startedAt).toBe(job.sentAt);
    expect(told()).toBe('ended');
  });

  it('writes that a job runs once it has done so for a while', async () => {
    const { id, job } = await worker.accepted();
    const batch = batchOf(job);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date'] });
    await sut.begin(batch);
    jest.advanceTimersByTime(1000);
    jest.useRealTimers();
    await job.starting;
    expect(await store.find(id)).toMatchObject({ status: 'running', attempts: 1 });
    await sut.finish(batch, REPLY);
    expect(await store.find(id)).toMatchObject({ status: 'succeeded' });
  });

  it('publishes one that another worker had begun and given back', async () => {
    const { id, job, told } = await worker.accepted();
    await store.begin('iris', [id]);
    const batch = batchOf(job);
    await sut.begin(batch);
    await sut.finish(batch, REPLY);
    expect(await store.find(id)).toMatchObject({ status: 'succeeded', outputs: [2] });
    expect(told()).toBe('ended');
  });

  it('publishes one whose start is being written down at that moment', async () => {
    const [slow, late] = [await worker.accepted(), await worker.accepted()];
    const batch = batchOf(late.job, slow.job);
    const starter = worker.get(JobStarter);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date'] });
    await sut.begin(batch);
    starter.start([slow.job]);
    const finished = sut.finish(batch, replyOf('1', '2'));
    // While the other one's start is on its way.
    await new Promise(setImmediate);
    starter.start([late.job]);
    jest.useRealTimers();
    await finished;
    for (const { id, told } of [slow, late]) {
      expect(await store.find(id)).toMatchObject({ status: 'succeeded' });
      expect(told()).toBe('ended');
    }
  });

  it('leaves the end that somebody else has published', async () => {
    const { id, job, told } = await worker.accepted();
    const batch = batchOf(job);
    await sut.begin(batch);
    await sut.fail([worker.taken(job.message).job], PROBLEM);
    await sut.finish(batch, REPLY);
    expect(await store.find(id)).toMatchObject({ status: 'failed' });
    expect(told()).toBe('ended');
  });

  it('does not run what should have started before', async () => {
    const { id, job, told } = await worker.accepted({ startBy: Date.now() - 1 });
    expect(await sut.begin(batchOf(job))).toEqual([]);
    expect(await store.find(id)).toMatchObject({ status: 'expired', attempts: 0, startedAt: null });
    expect(told()).toBe('ended');
  });

  it('runs what should have started before where another worker had started it', async () => {
    const { id, job } = await worker.accepted({ startBy: Date.now() - 1 });
    await store.begin('iris', [id]);
    const batch = batchOf(job);
    expect(await sut.begin(batch)).toEqual([INPUT]);
    expect(job.fence).toBe(2);
    await sut.finish(batch, REPLY);
    expect(await store.find(id)).toMatchObject({ status: 'succeeded' });
  });

  it('starts a job that is nearly late before it runs, so that nobody else finds it late', async () => {
    const { id, job } = await worker.accepted({ startBy: Date.now() + 900 });
    await sut.begin(batchOf(job));
    expect(await store.find(id)).toMatchObject({ status: 'running' });
    expect(await store.expire('iris', [job.message])).toEqual([false]);
  });

  it('fails a job as poisonous that was alone in three processes that ended', async () => {
    const { id, job, told } = await worker.accepted();
    const alone = () => sut.begin({ ...batchOf(job), reason: 'solo' });
    job.interrupted();
    job.solo = true;
    for (let deaths = 0; deaths < 3; deaths++) {
      expect(await alone()).toHaveLength(1);
      job.interrupted();
    }
    expect(await alone()).toEqual([]);
    expect((await store.find(id))?.end?.error?.code).toBe('poisoned');
    expect(told()).toBe('ended');
  });

  it('fails one whose lone starts came to no end ten times, whichever workers went with it', async () => {
    const { id, job } = await worker.accepted();
    for (let i = 0; i < 9; i++) await store.begin('iris', [id], { lone: true });
    const batch = { ...batchOf(job), reason: 'solo' as const };
    expect(await sut.begin(batch)).toHaveLength(1);
    const { job: again } = worker.taken(job.message);
    expect(await sut.begin({ ...batchOf(again), reason: 'solo' })).toEqual([]);
    expect((await store.find(id))?.end?.error?.code).toBe('poisoned');
  });

  it('stores large outputs apart, under the fence of their attempt', async () => {
    const { id, job, told } = await worker.accepted();
    await store.begin('iris', [id]);
    const batch = batchOf(job);
    await sut.begin(batch);
    await sut.finish(batch, replyOf(LARGE));
    const record = await store.find(id);
    expect(record).toMatchObject({ status: 'succeeded', outputs: null, outputsApart: 'outputs-2' });
    expect((record && (await payloads.complete(record)))?.outputs).toEqual([JSON.parse(LARGE)]);
    expect(told()).toBe('ended');
  });

  it('holds back no small result for a large one that is still on its way', async () => {
    const [large, small] = [await worker.accepted(), await worker.accepted()];
    const batch = batchOf(large.job, small.job);
    let arrive: () => void = () => undefined;
    const put = jest
      .spyOn(payloads, 'putOutputs')
      .mockImplementation(() => new Promise((resolve) => (arrive = () => resolve('outputs-1'))));
    await sut.begin(batch);
    const finished = sut.finish(batch, replyOf(LARGE, '2'));
    while (!small.told() || put.mock.calls.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await store.find(small.id)).toMatchObject({ status: 'succeeded', outputs: [2] });
    expect(await store.find(large.id)).toMatchObject({ status: 'running' });
    arrive();
    await finished;
    expect(await store.find(large.id)).toMatchObject({ status: 'succeeded' });
    put.mockRestore();
  });

  it('publishes no outputs that another attempt, or a cancellation, has overtaken', async () => {
    const { id, job, told } = await worker.accepted();
    const batch = batchOf(job);
    await sut.begin(batch);
    await store.cancel('iris', [job.message]);
    await sut.finish(batch, replyOf(LARGE));
    expect(await store.find(id)).toMatchObject({ status: 'canceled', outputsApart: null });
    expect(told()).toBe('ended');
  });

  it('drops the input that is stored apart with success alone', async () => {
    const [won, lost] = await Promise.all([1, 2].map(() => worker.accepted({ inputApart: true })));
    if (!won || !lost) throw new Error('two were accepted');
    await Promise.all([won, lost].map(({ id }) => payloads.putInput(id, INPUT)));
    const dropped = jest.spyOn(payloads, 'deleteInputs');
    const batch = batchOf(won.job);
    await sut.begin(batch);
    await sut.finish(batch, REPLY);
    await sut.fail([lost.job], PROBLEM);
    await Promise.all(dropped.mock.results.map(({ value }) => value));
    expect(await payloads.input(won.id)).toBeNull();
    expect(await payloads.input(lost.id)).toBe(INPUT);
    dropped.mockRestore();
  });

  it('takes a step of many batches for poisonous by the processes that die with it, not by its batches', async () => {
    const { job: pipelined } = await worker.accepted();
    const lines = Array.from({ length: 20 }, (_, i) => String(i));
    const task = {
      ...{ model: 'iris', version: '1', turn: 1, text: `\n${lines.join(',\n')}`, count: 20 },
      ...{ shape: undefined, executionTimeoutMs: undefined },
    };
    const nothing = (): void => undefined;
    const step = new StepJob(pipelined, task, 1000, nothing, nothing);
    step.solo = true;
    const runAlone = (from: number) =>
      sut.begin({ ...partOf(step, from, from + 1), reason: 'solo' });
    for (let from = 0; from < 20; from++)
      expect(await runAlone(from)).toEqual([`\n${String(from)}`]);
    for (let deaths = 0; deaths < 2; deaths++) {
      step.interrupted();
      expect(await runAlone(0)).toEqual(['\n0']);
    }
    step.interrupted();
    expect(await runAlone(0)).toEqual([]);
    expect(step.problem).toMatchObject({ code: 'poisoned' });
  });
});
