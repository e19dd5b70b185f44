import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { JobIndex, StrayJobs } from '#libs/jobs';
import type { ApiMetrics } from '../api.metrics.js';
import { Reconciler } from './reconciler.js';

/** With jobs of iris that are candidates in one round after the other, none of which is in a queue. */
function setUp(...rounds: string[][]) {
  const models = jest.fn(() => Promise.resolve(['iris']));
  const strays = {
    candidates: jest.fn(() => Promise.resolve(rounds.shift() ?? [])),
    putBack: jest.fn((_: string, ids: readonly string[]) => Promise.resolve([...ids])),
  };
  const metrics = { jobsPutBack: jest.fn() };
  const sut = new Reconciler(
    { models } as unknown as JobIndex,
    strays as unknown as StrayJobs,
    metrics as unknown as ApiMetrics,
  );
  const warned = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  return { sut, models, strays, metrics, warned };
}

let sut: Reconciler;

afterEach(async () => {
  jest.restoreAllMocks();
  await sut.onApplicationShutdown();
});

describe('Reconciler', () => {
  it('looks for what has been a candidate for a whole round, and says what was put back', async () => {
    const { strays, metrics, warned, ...rest } = setUp(['a', 'b'], ['b', 'c'], []);
    sut = rest.sut;
    for (let i = 0; i < 3; i++) await sut.round();
    expect(strays.putBack.mock.calls).toEqual([['iris', ['b']]]);
    expect(metrics.jobsPutBack.mock.calls).toEqual([['iris', 1]]);
    expect(warned.mock.calls).toEqual([
      [{ model: 'iris', jobs: 1, job_ids: ['b'] }, 'jobs put back that were in no queue'],
    ]);
  });

  it('says nothing where all are in a queue', async () => {
    const { strays, metrics, warned, ...rest } = setUp(['a'], ['a']);
    sut = rest.sut;
    strays.putBack.mockResolvedValue([]);
    for (let i = 0; i < 2; i++) await sut.round();
    expect(strays.putBack).toHaveBeenCalledTimes(1);
    expect(metrics.jobsPutBack).not.toHaveBeenCalled();
    expect(warned).not.toHaveBeenCalled();
  });

  it('gets over an outage of Redis, and speaks of it once', async () => {
    const { models, strays, warned, ...rest } = setUp(['a'], ['a']);
    sut = rest.sut;
    await sut.round();
    models.mockRejectedValueOnce(new Error('away')).mockRejectedValueOnce(new Error('away'));
    for (let i = 0; i < 3; i++) await sut.round();
    expect(strays.putBack).toHaveBeenCalledTimes(1);
    expect(warned.mock.calls.map(([, text]) => text as unknown)).toEqual([
      'no look at jobs that are in no queue',
      'jobs put back that were in no queue',
    ]);
  });
});
