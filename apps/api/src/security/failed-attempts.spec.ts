import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FailedAttempts } from './failed-attempts.js';

describe('FailedAttempts', () => {
  let sut: FailedAttempts;

  beforeEach(() => {
    jest.useFakeTimers();
    sut = new FailedAttempts();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const tries = (address: string, count: number) =>
    Array.from({ length: count }, () => sut.add(address));

  it('leaves an address ten in a minute, and then says how long to wait', async () => {
    expect(tries('10.0.0.1', 10)).toEqual(Array(10).fill(null));
    expect(sut.add('10.0.0.1')).toBe(60);
    await jest.advanceTimersByTimeAsync(45_500);
    expect(sut.add('10.0.0.1')).toBe(15);
    await jest.advanceTimersByTimeAsync(14_500);
    expect(tries('10.0.0.1', 10)).toEqual(Array(10).fill(null));
  });

  it('counts each address for itself', () => {
    tries('10.0.0.1', 11);
    expect(sut.add('10.0.0.2')).toBeNull();
  });

  it('takes an IPv4 address for the same in IPv6, and a network of IPv6 for one address', () => {
    tries('10.0.0.1', 10);
    expect(sut.add('::ffff:10.0.0.1')).not.toBeNull();
    tries('2001:db8:1:2::1', 10);
    expect(sut.add('2001:db8:1:2:ffff::9')).not.toBeNull();
    expect(sut.add('2001:db8:1:3::1')).toBeNull();
  });

  it('forgets the oldest rather than growing without end', () => {
    tries('10.0.0.1', 10);
    for (let i = 0; i < 10_000; i++) sut.add(`11.0.${String(i >> 8)}.${String(i & 255)}`);
    expect(sut.add('10.0.0.1')).toBeNull();
  });
});
