import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { JobStore } from '#libs/jobs';
import { BatchExecutor } from './batch.executor.js';
import { partOf, replyOf, type Taken, TestWorker } from './testing/test-worker.js';

type Progress = JobStore['progress'];

describe('ProgressWriter', () => {
  let worker: TestWorker;
  let store: JobStore;
  let executor: BatchExecutor;

  beforeAll(async () => {
    worker = await TestWorker.start();
    store = worker.store;
    executor = worker.get(BatchExecutor);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  afterAll(() => worker.stop());

  const turnOfLoop = () => new Promise((resolve) => setImmediate(resolve));

  /** Runs instances `[from, to)`, whose outputs are their numbers. */
  async function run({ job }: Taken, from: number, to: number): Promise<void> {
    const batch = partOf(job, from, to);
    await executor.begin(batch);
    const outputs = Array.from({ length: to - from }, (_, i) => String(from + i)).join(',');
    await executor.finish(batch, replyOf({ outputs, done: to - from }));
  }

  const partsOf = async ({ id }: Taken) =>
    (await store.parts(id, 0, 100)).map(({ done, outputs }) => [
      done,
      JSON.parse(outputs) as unknown,
    ]);

  async function until(taken: Taken, done: number): Promise<void> {
    while ((await store.find(taken.id))?.done !== done) await turnOfLoop();
  }

  it('tells how far a job has got, in order, and leaves the last part to its end', async () => {
    const taken = await worker.accepted({ count: 6 });
    await run(taken, 2, 4);
    expect(await partsOf(taken)).toEqual([]);
    await run(taken, 0, 2);
    await until(taken, 4);
    await run(taken, 4, 5);
    await until(taken, 5);
    expect(await partsOf(taken)).toEqual([
      [4, [0, 1, 2, 3]],
      [5, [4]],
    ]);
    const told = jest.spyOn(store, 'progress');
    await run(taken, 5, 6);
    expect(told).not.toHaveBeenCalled();
    expect(await store.find(taken.id)).toMatchObject({
      status: 'succeeded',
      outputs: [0, 1, 2, 3, 4, 5],
    });
  });

  it('costs jobs of one slice nothing', async () => {
    const told = jest.spyOn(store, 'progress');
    const begun = jest.spyOn(store, 'begin');
    const taken = await worker.accepted({ count: 3 });
    await run(taken, 0, 3);
    expect(told).not.toHaveBeenCalled();
    expect(begun).not.toHaveBeenCalled();
  });

  it('makes one part of what is computed while another is under way, and holds up nothing', async () => {
    const progress = store.progress.bind(store);
    const waiting: (() => void)[] = [];
    jest.spyOn(store, 'progress').mockImplementation(async (model, part) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return progress(model, part);
    });
    const taken = await worker.accepted({ count: 5 });
    await run(taken, 0, 1);
    await run(taken, 1, 2);
    await run(taken, 2, 3);
    expect(waiting).toHaveLength(1);
    waiting[0]?.();
    while (waiting.length < 2) await turnOfLoop();
    waiting[1]?.();
    await until(taken, 3);
    expect(await partsOf(taken)).toEqual([
      [1, [0]],
      [3, [1, 2]],
    ]);
  });

  it('fails no job when Redis does not take it, and tells it with the next part', async () => {
    jest.spyOn(store, 'progress').mockRejectedValueOnce(new Error('READONLY'));
    const taken = await worker.accepted({ count: 4 });
    await run(taken, 0, 1);
    await run(taken, 1, 2);
    await until(taken, 2);
    expect(await partsOf(taken)).toEqual([
      [1, [0]],
      [2, [1]],
    ]);
    await run(taken, 2, 4);
    expect(await store.find(taken.id)).toMatchObject({ status: 'succeeded' });
  });

  it('tells everything anew when the job was begun anew here, as its runner died', async () => {
    const taken = await worker.accepted({ count: 4 });
    await run(taken, 0, 2);
    await until(taken, 2);
    taken.job.interrupted();
    await run(taken, 2, 3);
    await until(taken, 3);
    expect(await partsOf(taken)).toEqual([[3, [0, 1, 2]]]);
  });

  it('is not taken for overtaken by a start of its own that is under way', async () => {
    const { progress, begin }: { progress: Progress; begin: JobStore['begin'] } = {
      progress: store.progress.bind(store),
      begin: store.begin.bind(store),
    };
    const taken = await worker.accepted({ count: 4 });
    jest.spyOn(store, 'progress').mockImplementationOnce(async (model, part) => {
      taken.job.interrupted();
      jest.spyOn(store, 'begin').mockImplementationOnce(async (...args) => {
        const answers = await begin(...args);
        await turnOfLoop();
        return answers;
      });
      await executor.begin(partOf(taken.job, 2, 3));
      return progress(model, part);
    });
    await run(taken, 0, 2);
    await until(taken, 2);
    expect(taken.told()).toBeUndefined();
    await run(taken, 2, 4);
    expect(await store.find(taken.id)).toMatchObject({ status: 'succeeded' });
  });

  it('ends a job here that another worker has begun', async () => {
    const taken = await worker.accepted({ count: 3 });
    const batch = partOf(taken.job, 0, 1);
    await executor.begin(batch);
    await taken.job.starting;
    await store.begin('iris', [taken.id]);
    await executor.finish(batch, replyOf('0'));
    while (!taken.told()) await turnOfLoop();
    expect(taken.told()).toBe('ended');
    expect(await store.find(taken.id)).toMatchObject({ status: 'running', done: 0 });
  });
});
