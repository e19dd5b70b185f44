import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BatchHandler, SliceOutcome, VersionServer } from '#libs/inference';
import type { End } from './job.exits.js';
import { QuietGate } from './quiet.gate.js';
import { ShadowReplayer } from './shadow.replayer.js';
import { batchOf, replyOf } from './testing/test-worker.js';
import { WorkerJob } from './worker-job.js';

const TIMING = {
  ...{ queue_ms: 0, batch_wait_ms: 0, load_ms: 0, total_ms: 1 },
  ...{ preprocess_ms: 0, inference_ms: 1, postprocess_ms: 0 },
};

describe('ShadowReplayer', () => {
  let isQuiet: boolean;
  let counted: Record<string, number>;
  let submitted: WorkerJob[];
  let handler: BatchHandler<WorkerJob>;
  let aborted: boolean;
  let sut: ShadowReplayer;

  beforeEach(() => {
    isQuiet = true;
    counted = {};
    submitted = [];
    aborted = false;
    sut = new ShadowReplayer(
      { stable: '1', shadow: { version: '2', percent: 100 } },
      {
        kind: 'regression',
        runLimitMs: 1000,
        gate: new QuietGate(() => isQuiet),
        count: (outcome, jobs) => (counted[outcome] = (counted[outcome] ?? 0) + jobs),
        newServer: (given) => {
          handler = given;
          return fakeServer();
        },
      },
    );
  });

  afterEach(() => sut.stop());

  /** What a server does with batches is its own matter; here jobs only come to it. */
  function fakeServer(): VersionServer<WorkerJob> {
    const server: Partial<VersionServer<WorkerJob>> = {
      report: { batching: { max_batch_size: 4 } } as VersionServer<WorkerJob>['report'],
      submit: (job) => submitted.push(job),
      abort: () => {
        aborted = true;
        for (const job of submitted) job.handBack();
        return Promise.resolve();
      },
    };
    return server as VersionServer<WorkerJob>;
  }

  function end(outputs = '[1]', about: { version?: string; input?: string } = {}): End {
    const { version = '1', input = '\n0' } = about;
    const shared = { id: 'job', version, count: 1, bytes: input.length, createdAt: 0, turn: 1 };
    const message = { ...shared, resultTtlS: 60, requestId: '', input, executionTimeoutMs: 1 };
    const none = (): void => undefined;
    const taken = { message, takenAt: 0, suspect: false };
    const job = new WorkerJob('iris', taken, 1000, none, none);
    const result = { status: 'succeeded' as const, outputs, done: 1, timing: TIMING, batchSize: 1 };
    return { job, result };
  }

  /** Runs what has been submitted, as a server would. */
  async function run(...outcomes: (string | Partial<SliceOutcome>)[]): Promise<void> {
    const batch = batchOf(...submitted.splice(0, outcomes.length));
    await handler.begin(batch);
    await handler.finish(batch, replyOf(...outcomes));
    await settled();
  }

  /** Everything that need not wait for a clock. */
  async function settled(): Promise<void> {
    await new Promise(setImmediate);
  }

  it('replays what the stable version has answered, and compares', async () => {
    const failed: End = { ...end(), result: { ...end().result, status: 'failed' } };
    sut.offer([end('[1]'), end('[2]'), end('[3]'), end('[1]', { version: '2' }), failed]);
    await settled();
    expect(submitted).toHaveLength(3);
    const error = { type: '', code: 'inference-failed', title: '', detail: '' } as const;
    await run('1', '2.1', { outputs: '{}', done: 0, error: { ...error, retryable: false } });
    expect(counted).toEqual({ agreed: 1, disagreed: 1, failed: 1 });
  });

  it('goes by the limits of the worker, not of the caller', async () => {
    sut.offer([end()]);
    await settled();
    expect(submitted[0]?.runBudgetMs).toBe(1000);
    expect(submitted[0]?.isTimed).toBe(false);
  });

  it('has no more than a batch under way', async () => {
    sut.offer(Array.from({ length: 6 }, () => end()));
    await settled();
    expect(submitted).toHaveLength(4);
    await run('1', '1', '1', '1');
    expect(submitted).toHaveLength(2);
  });

  it('takes no more than there is room for, and counts what it leaves out', () => {
    isQuiet = false;
    sut.offer(Array.from({ length: 1005 }, () => end()));
    expect(counted).toEqual({ skipped: 5 });
    const large = 'x'.repeat(40 * 1024 * 1024);
    sut.plan = { ...sut.plan, stable: '3' };
    expect(submitted).toEqual([]);
    sut.offer([end('[1]', { version: '3', input: large })]);
    expect(counted).toEqual({ skipped: 6 });
  });

  it('takes its share', () => {
    isQuiet = false;
    sut.plan = { stable: '1', shadow: { version: '2', percent: 0 } };
    sut.offer(Array.from({ length: 2000 }, () => end()));
    expect(counted).toEqual({});
  });

  it('does not try again what was there when a runner died', async () => {
    sut.offer([end()]);
    await settled();
    const batch = { ...batchOf(...submitted), reason: 'solo' as const };
    expect(await handler.begin(batch)).toEqual([]);
    await settled();
    expect(counted).toEqual({ failed: 1 });
  });

  it('waits with every batch of a large job until it is quiet', async () => {
    sut.offer([end()]);
    await settled();
    isQuiet = false;
    let begun = false;
    const beginning = handler.begin(batchOf(...submitted)).then(() => (begun = true));
    await settled();
    expect(begun).toBe(false);
    isQuiet = true;
    await beginning;
  });

  it('ends at once, and takes what was under way for left out', async () => {
    sut.offer([end(), end()]);
    await settled();
    await sut.stop();
    expect(aborted).toBe(true);
    await settled();
    expect(counted).toEqual({ skipped: 2 });
  });
});
