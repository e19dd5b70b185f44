import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Worker } from 'bullmq';
import { TakeBreaker } from './take.breaker.js';

class FakeWorker extends EventEmitter {
  readonly pause = jest.fn<Worker['pause']>(() => Promise.resolve());
  readonly resume = jest.fn(() => Promise.resolve());
}

/** As a Redis that is full answers. */
const refusal = Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' });

describe('TakeBreaker', () => {
  let worker: FakeWorker;
  let sut: TakeBreaker;

  beforeEach(() => {
    jest.useFakeTimers();
    worker = new FakeWorker();
    sut = new TakeBreaker(worker as unknown as Worker);
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** Each time that it asks again, Redis refuses. */
  const refuseFor = (ms: number): void => {
    worker.resume.mockImplementation(() => {
      worker.emit('error', refusal);
      return Promise.resolve();
    });
    worker.emit('error', refusal);
    jest.advanceTimersByTime(ms);
  };

  it('while Redis refuses asks ever later, and then once a second', () => {
    refuseFor(1500);
    expect(worker.resume).toHaveBeenCalledTimes(4);
    worker.resume.mockClear();
    jest.advanceTimersByTime(10_000);
    expect(worker.resume).toHaveBeenCalledTimes(10);
    expect(worker.pause).toHaveBeenCalledWith(true);
  });

  it('begins with short pauses again once a job was taken', () => {
    refuseFor(10_000);
    worker.resume.mockReset();
    jest.advanceTimersByTime(1000);
    worker.emit('active');
    worker.resume.mockClear();
    worker.emit('error', refusal);
    jest.advanceTimersByTime(100);
    expect(worker.resume).toHaveBeenCalledTimes(1);
  });

  it('leaves what is no refusal to BullMQ', () => {
    worker.emit('error', new Error('Missing lock for job'));
    expect(worker.pause).not.toHaveBeenCalled();
  });

  it('resumes nothing any more once it is stopped', async () => {
    worker.emit('error', refusal);
    await sut.stop();
    worker.emit('error', refusal);
    jest.advanceTimersByTime(10_000);
    expect(worker.resume).not.toHaveBeenCalled();
  });
});
