import { describe, expect, it } from '@jest/globals';
import { failedLine, jobProblem } from '#libs/contracts';
import type { JobMessage } from '#libs/jobs';
import { WorkerJob } from './worker-job.js';

const NO_TIME = { preprocessMs: 0, inferenceMs: 0, postprocessMs: 0 };
const PROBLEM = jobProblem('inference-failed', 'no');

function setUp(message: Partial<JobMessage> = {}) {
  const told: unknown[] = [];
  const sut = new WorkerJob(
    'iris',
    {
      takenAt: Date.now(),
      suspect: false,
      message: {
        id: 'job_1',
        version: '1',
        count: 1,
        bytes: 10,
        createdAt: Date.now(),
        turn: 1,
        resultTtlS: 1,
        requestId: '',
        ...message,
      },
    },
    5000,
    () => told.push('ended'),
    (error) => told.push(error.delayMs),
  );
  const slice = (from: number, to: number) => ({ job: sut, from, to });
  const add = (from: number, to: number, outputs: string, error = false): void => {
    const done = error ? 0 : to - from;
    const outcome = { outputs, done, error: error ? PROBLEM : null, batchSize: 8 };
    sut.add(slice(from, to), outcome, { ...NO_TIME, inferenceMs: 2 });
  };
  return { sut, told, slice, add };
}

describe('WorkerJob', () => {
  it.each([
    [0, 3, '{"top_k":1}\n[1,"a\\nb"],\n{"x":2},\n3'],
    [0, 1, '{"top_k":1}\n[1,"a\\nb"]'],
    [1, 2, '{"top_k":1}\n{"x":2}'],
    [1, 3, '{"top_k":1}\n{"x":2},\n3'],
  ])('cuts instances [%i, %i) out of its input', (from, to, text) => {
    const { sut, slice } = setUp({ count: 3 });
    sut.begun({
      fence: 1,
      loneStarts: 0,
      attempt: 1,
      input: '{"top_k":1}\n[1,"a\\nb"],\n{"x":2},\n3',
    });
    expect(sut.slice(slice(from, to))).toBe(text);
  });

  it('cuts an input without parameters', () => {
    const { sut, slice } = setUp({ count: 2, input: '\n1,\n2' });
    expect([sut.slice(slice(0, 1)), sut.slice(slice(1, 2))]).toEqual(['\n1', '\n2']);
  });

  it('goes on with the files that were fetched for it', () => {
    const { sut, slice } = setUp({
      count: 2,
      input: '{"top_k":1}\n"http://a",\n"x"',
      remote: true,
    });
    expect(sut.lines).toEqual(['"http://a"', '"x"']);
    sut.replaceLines(['"abcd"', failedLine(PROBLEM)], { bytes: 3, ms: 1500 });
    expect(sut.slice(slice(0, 1))).toBe('{"top_k":1}\n"abcd"');
    expect(sut.slice(slice(1, 2))).toBe(`{"top_k":1}\n${failedLine(PROBLEM)}`);
    expect(sut.bytes).toBe(13);
    expect(sut.isComplete).toBe(false);
    // What it took is part of the time that it may run.
    expect(sut.runBudgetMs).toBe(3500);
    expect(sut.result().timing).toMatchObject({ fetch_ms: 1500 });
  });

  it('is complete where nothing was fetched that could be run', () => {
    const { sut } = setUp({ count: 2, input: '\n"http://a",\n"http://b"', remote: true });
    sut.replaceLines([failedLine(PROBLEM), failedLine(PROBLEM)], { bytes: 0, ms: 1 });
    expect(sut.isComplete).toBe(true);
    expect(sut.result()).toMatchObject({
      status: 'failed',
      error: PROBLEM,
      outputs: JSON.stringify([{ error: PROBLEM }, { error: PROBLEM }]),
      done: 0,
      batchSize: 0,
    });
  });

  it('puts outputs together in order, whichever came first', () => {
    const { sut, add } = setUp({ count: 4 });
    add(3, 4, '"d"');
    add(0, 2, '"a","b"');
    expect(sut.isComplete).toBe(false);
    add(2, 3, '"c"');
    expect(sut.isComplete).toBe(true);
    expect(sut.result()).toMatchObject({
      status: 'succeeded',
      outputs: '["a","b","c","d"]',
      done: 4,
      batchSize: 8,
      timing: { inference_ms: 6 },
    });
  });

  it('succeeds while one of its instances does', () => {
    const { sut, add } = setUp({ count: 2 });
    add(0, 1, '{"error":{}}', true);
    add(1, 2, '1');
    expect(sut.result()).toMatchObject({ status: 'succeeded', done: 1 });
  });

  it('fails with the reason when all of its instances do', () => {
    const { sut, add } = setUp({ count: 2 });
    add(0, 1, '{"error":{}}', true);
    add(1, 2, '{"error":{}}', true);
    expect(sut.result()).toMatchObject({ status: 'failed', error: PROBLEM });
  });

  it('has as long to compute as it asked for, over all of its slices', () => {
    const { sut, add } = setUp({ count: 3, executionTimeoutMs: 10 });
    add(0, 1, '1');
    add(1, 2, '1');
    expect(sut.runBudgetMs).toBe(6);
    expect(setUp({ executionTimeoutMs: 60_000 }).sut.runBudgetMs).toBe(5000);
  });

  it('is over once it has ended or gone back', () => {
    const { sut, told } = setUp();
    sut.handBack(7);
    expect(sut.isOver).toBe(true);
    expect(told).toEqual([7]);
  });
});
