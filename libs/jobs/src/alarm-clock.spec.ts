import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AlarmClock } from './alarm-clock.js';

describe('an alarm clock', () => {
  let strikes: number[];
  let clock: AlarmClock;
  let strike: () => Promise<void>;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    strikes = [];
    strike = () => Promise.resolve();
    clock = new AlarmClock(() => {
      strikes.push(Date.now());
      return strike();
    });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('strikes once, at the earliest of its times', async () => {
    for (const ms of [500, 300, 400]) clock.setTo(ms);
    await jest.advanceTimersByTimeAsync(1000);
    expect(strikes).toEqual([300]);
    clock.setTo(5);
    await jest.advanceTimersByTimeAsync(0);
    expect(strikes).toEqual([300, 1000]);
  });

  it('waits until it has done striking, and then strikes for what it was set to meanwhile', async () => {
    let done: () => void = () => undefined;
    strike = () => new Promise((resolve) => (done = resolve));
    clock.setTo(100);
    await jest.advanceTimersByTimeAsync(100);
    clock.setTo(200);
    await jest.advanceTimersByTimeAsync(300);
    expect(strikes).toEqual([100]);
    done();
    await jest.advanceTimersByTimeAsync(0);
    expect(strikes).toEqual([100, 400]);
  });

  it('strikes too early rather than at once where a timer cannot be set to its time', async () => {
    clock.setTo(2 ** 40);
    await jest.advanceTimersByTimeAsync(2 ** 31 - 2);
    expect(strikes).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(strikes).toEqual([2 ** 31 - 1]);
  });

  it('is silent once it was stopped, which waits for its last strike', async () => {
    let done: () => void = () => undefined;
    strike = () => new Promise((resolve) => (done = resolve));
    clock.setTo(1);
    await jest.advanceTimersByTimeAsync(1);
    let stopped = false;
    const stopping = clock.stop().then(() => (stopped = true));
    clock.setTo(2);
    await jest.advanceTimersByTimeAsync(10);
    expect(stopped).toBe(false);
    done();
    await stopping;
    await jest.advanceTimersByTimeAsync(10);
    expect(strikes).toEqual([1]);
  });
});
