import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Batch } from '#libs/inference';
import type { JobStore } from '#libs/jobs';
import { BatchExecutor } from './batch.executor.js';
import { batchOf, replyOf, type Taken, TestWorker } from './testing/test-worker.js';
import type { WorkerJob } from './worker-job.js';

const TELLS = { tellsText: true } as const;
const TEXT = JSON.stringify({ text: 'Es war' });

describe('TokenWriter', () => {
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

  /** A job that runs. */
  async function running(about = {}): Promise<Taken & { batch: Batch<WorkerJob> }> {
    const taken = await worker.accepted({ ...TELLS, ...about });
    const batch = batchOf(taken.job);
    await executor.begin(batch);
    return { ...taken, batch };
  }

  async function textOf({ id }: Taken): Promise<string | null> {
    const told = (await store.find(id))?.told;
    return told ? store.text(id, 0, told.bytes) : null;
  }

  async function until(taken: Taken, text: string): Promise<void> {
    while ((await textOf(taken)) !== text) await turnOfLoop();
  }

  it('tells a text as it grows, and leaves the rest to the end', async () => {
    const taken = await running();
    executor.told(taken.batch, { text: 'Es', tokens: 1 });
    await until(taken, 'Es');
    expect(await store.find(taken.id)).toMatchObject({ status: 'running', told: { tokens: 1 } });
    executor.told(taken.batch, { text: ' wär', tokens: 3 });
    await until(taken, 'Es wär');
    expect(await store.find(taken.id)).toMatchObject({ told: { tokens: 3, bytes: 7 } });
    const told = jest.spyOn(store, 'tellTexts');
    executor.told(taken.batch, { text: '!', tokens: 4 });
    await executor.finish(taken.batch, replyOf(TEXT));
    const next = await running();
    executor.told(next.batch, { text: 'a', tokens: 1 });
    await until(next, 'a');
    const ids = told.mock.calls.flatMap(([texts]) => texts.map(({ id }) => id));
    expect(ids).toEqual([next.id]);
    expect(taken.told()).toBe('ended');
    expect(await store.find(taken.id)).toMatchObject({ outputs: [{ text: 'Es war' }] });
  });

  it('costs other jobs nothing, not even their start', async () => {
    const told = jest.spyOn(store, 'tellTexts');
    const begun = jest.spyOn(store, 'begin');
    const taken = await running({ tellsText: undefined });
    executor.told(taken.batch, { text: 'Es', tokens: 1 });
    await executor.finish(taken.batch, replyOf(TEXT));
    await turnOfLoop();
    expect([told.mock.calls.length, begun.mock.calls.length]).toEqual([0, 0]);
  });

  it('has what many jobs generate meanwhile leave together', async () => {
    const told = jest.spyOn(store, 'tellTexts');
    const all = await Promise.all(Array.from({ length: 20 }, () => running()));
    for (const text of ['a', 'b', 'c']) {
      for (const { batch } of all) executor.told(batch, { text, tokens: 1 });
    }
    await Promise.all(all.map((taken) => until(taken, 'abc')));
    expect(told.mock.calls.map(([texts]) => texts.length)).toEqual([20]);
  });

  it('waits for Redis, holds up nothing meanwhile, and then tells all that there is', async () => {
    const tellTexts = store.tellTexts.bind(store);
    let isBack: (() => void) | undefined;
    jest.spyOn(store, 'tellTexts').mockImplementationOnce(async (texts) => {
      await new Promise<void>((resolve) => (isBack = resolve));
      return tellTexts(texts);
    });
    const [taken, ending] = [await running(), await running()];
    executor.told(taken.batch, { text: 'a', tokens: 1 });
    executor.told(ending.batch, { text: 'a', tokens: 1 });
    while (!isBack) await turnOfLoop();
    for (const text of ['b', 'c']) executor.told(taken.batch, { text, tokens: 2 });
    await executor.finish(ending.batch, replyOf(TEXT));
    expect(ending.told()).toBe('ended');
    isBack();
    await until(taken, 'abc');
    expect(await store.find(ending.id)).toMatchObject({ status: 'succeeded' });
  });

  it('fails no job when Redis does not take it, and tells it with what follows', async () => {
    jest.spyOn(store, 'tellTexts').mockRejectedValueOnce(new Error('READONLY'));
    const taken = await running();
    executor.told(taken.batch, { text: 'Es', tokens: 1 });
    await turnOfLoop();
    executor.told(taken.batch, { text: ' war', tokens: 2 });
    await until(taken, 'Es war');
    await executor.finish(taken.batch, replyOf(TEXT));
    expect(taken.told()).toBe('ended');
  });

  it('tells everything anew where Redis has lost what came before', async () => {
    const taken = await running();
    executor.told(taken.batch, { text: 'Es', tokens: 1 });
    await until(taken, 'Es');
    jest.spyOn(store, 'tellTexts').mockResolvedValueOnce(['gap']);
    executor.told(taken.batch, { text: ' war', tokens: 2 });
    await until(taken, 'Es war');
  });

  it('takes nothing of an earlier run for that of a later one', async () => {
    const taken = await running();
    executor.told(taken.batch, { text: 'Es', tokens: 1 });
    await until(taken, 'Es');
    // The process that ran it dies: what it told last has not left yet.
    executor.told(taken.batch, { text: ' war x', tokens: 4 });
    taken.job.interrupted();
    const again = batchOf(taken.job);
    await executor.begin(again);
    executor.told(again, { text: 'Es war', tokens: 2 });
    await until(taken, 'Es war');
    executor.told(taken.batch, { text: ' never', tokens: 5 });
    executor.told(again, { text: ' einmal', tokens: 3 });
    await until(taken, 'Es war einmal');
    expect(taken.told()).toBeUndefined();
  });

  it('ends a job here that another worker has begun', async () => {
    const taken = await running();
    executor.told(taken.batch, { text: 'Es', tokens: 1 });
    await until(taken, 'Es');
    await store.begin('iris', [taken.id]);
    executor.told(taken.batch, { text: ' war', tokens: 2 });
    while (!taken.told()) await turnOfLoop();
    expect(taken.told()).toBe('ended');
    expect(await store.find(taken.id)).toMatchObject({ status: 'running', told: null });
  });

  it('lets go of a job that was canceled', async () => {
    const taken = await running();
    executor.told(taken.batch, { text: 'Es', tokens: 1 });
    await until(taken, 'Es');
    await store.cancel('iris', [{ id: taken.id, resultTtlS: 60 }]);
    executor.told(taken.batch, { text: ' war', tokens: 2 });
    while (!taken.told()) await turnOfLoop();
    expect(await store.find(taken.id)).toMatchObject({ status: 'canceled', outputs: null });
  });
});
