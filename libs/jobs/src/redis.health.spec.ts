import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisHealth } from './redis.health.js';

describe('RedisHealth, for a process that is to end', () => {
  const never = new Promise<never>(() => undefined);
  const ping = jest.fn<() => Promise<string>>();
  const sut = new RedisHealth({ ping } as unknown as Redis);

  beforeEach(() => {
    jest.useFakeTimers({ advanceTimers: false });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** @returns what came of it within so long; undefined: nothing yet. */
  const within = async (ms: number, ended: Promise<boolean>): Promise<boolean | undefined> => {
    let end: boolean | undefined;
    void ended.then((is) => (end = is));
    await jest.advanceTimersByTimeAsync(ms);
    return end;
  };

  it('waits for what is under way while Redis answers', async () => {
    ping.mockResolvedValue('PONG');
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const ended = sut.doneOrAway(promise);
    expect(await within(60_000, ended)).toBeUndefined();
    resolve(undefined);
    expect(await within(1000, ended)).toBe(true);
  });

  it.each([
    ['is down', () => Promise.reject(new Error('away'))],
    ['hangs', () => never],
  ])('waits no longer where Redis %s', async (_how, answer) => {
    ping.mockImplementation(answer);
    expect(await within(2000, sut.doneOrAway(never))).toBe(false);
  });

  it('waits for Redis to come back for as long as something is held, up to a limit', async () => {
    ping.mockRejectedValue(new Error('away'));
    const ended = sut.doneOrAway(never, () => true);
    expect(await within(11_000, ended)).toBeUndefined();
    expect(await within(2000, ended)).toBe(false);
  });

  it('passes on what the work threw', async () => {
    ping.mockResolvedValue('PONG');
    await expect(sut.doneOrAway(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});
