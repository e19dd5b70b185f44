import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { DeliverySchedule, JobIndex, Outbox, RedisHealth } from '#libs/jobs';
import type { Dispatcher } from './dispatcher.js';
import { OutboxRelay } from './outbox.relay.js';

describe('OutboxRelay', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  });

  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('looks no more than once a second while Redis refuses', async () => {
    const models = jest.fn(() => Promise.reject(new Error('LOADING')));
    const outbox = { onOwed: () => Promise.resolve(() => undefined) } as unknown as Outbox;
    const index = { models } as unknown as JobIndex;
    const sut = new OutboxRelay(
      outbox,
      index,
      {} as DeliverySchedule,
      {} as Dispatcher,
      { doneOrAway: (work: Promise<unknown>) => work } as unknown as RedisHealth,
    );
    await sut.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(2500);
    expect(models).toHaveBeenCalledTimes(3);
    await sut.onApplicationShutdown();
  });
});
