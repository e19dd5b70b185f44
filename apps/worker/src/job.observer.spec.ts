import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Counts, jobProblem, type ProblemCode } from '#libs/contracts';
import { Observations, Rollouts } from '#libs/jobs';
import { logBin } from '#libs/statistics';
import { BatchExecutor } from './batch.executor.js';
import { batchOf, replyOf, TestWorker } from './testing/test-worker.js';

describe('JobObserver', () => {
  let worker: TestWorker;
  let executor: BatchExecutor;

  beforeAll(async () => {
    worker = await TestWorker.start();
    executor = worker.get(BatchExecutor);
  });

  afterAll(() => worker.stop());

  async function succeed(): Promise<void> {
    const { job } = await worker.accepted();
    const batch = batchOf(job);
    await executor.begin(batch);
    await executor.finish(batch, replyOf('2'));
  }

  async function fail(code: ProblemCode): Promise<void> {
    const { job } = await worker.accepted();
    await executor.fail([job], jobProblem(code, 'no'));
  }

  async function roll(event: 'set' | 'removed'): Promise<void> {
    const rollout = event === 'set' ? { stable: '1' } : null;
    const change = { event, at: new Date().toISOString(), by: '', rollout };
    await worker.get(Rollouts).change('iris', change);
  }

  async function counted(revision: number): Promise<Counts | undefined> {
    await worker.get(Observations).flush();
    return (await worker.get(Observations).under('iris', revision)).get('1');
  }

  it('counts the ends of jobs under a rollout, and times of those that succeeded alone', async () => {
    await roll('set');
    await succeed();
    await succeed();
    await fail('execution-timeout');
    await fail('invalid-input');
    const time = `run-ms/${String(logBin(1))}`;
    expect(await counted(1)).toEqual({ 'jobs/succeeded': 2, 'jobs/failed': 1, [time]: 2 });
  });

  it('counts nothing where there is no rollout', async () => {
    await roll('removed');
    const before = await worker.get(Observations).recent('iris', '1', 3600);
    await succeed();
    await worker.get(Observations).flush();
    expect(await worker.get(Observations).recent('iris', '1', 3600)).toEqual(before);
  });
});
