import { describe, expect, it } from '@jest/globals';
import { messageOf } from '#libs/testing';
import { bundleId, bundlesOf, type JobMessage } from './bundle.js';

/** The ids in each bundle. */
function bundled(messages: JobMessage[], bundleRows: number): string[][] {
  const bundles = bundlesOf(messages.map((message) => ({ message, bundleRows })));
  return bundles.map(({ jobs }) => jobs.map(({ id }) => id));
}

describe('bundlesOf', () => {
  it('makes none of nothing', () => {
    expect(bundlesOf([])).toEqual([]);
  });

  it('takes along as many as fit, whole and in order', () => {
    const messages = Array.from({ length: 10 }, (_, i) => messageOf(String(i)));
    const bundles = bundlesOf(messages.map((message) => ({ message, bundleRows: 4 })));
    expect(bundles.map(({ jobs }) => jobs.length)).toEqual([4, 4, 2]);
    expect(bundles.flatMap(({ jobs }) => jobs)).toEqual(messages);
  });

  it('counts rows, not jobs, and never has more than travel together', () => {
    const rows = [2, 2, 2, 3, 5, 1];
    const messages = rows.map((count, i) => messageOf(String(i), { count }));
    expect(bundled(messages, 5)).toEqual([['0', '1'], ['2', '3'], ['4'], ['5']]);
  });

  it('leaves a large job alone, and the small ones before and after it together', () => {
    const messages = [messageOf('a'), messageOf('large', { count: 9 }), messageOf('b')];
    expect(bundled(messages, 8)).toEqual([['a', 'b'], ['large']]);
    expect(bundled(messages.slice(1), 8)).toEqual([['large'], ['b']]);
  });

  it('leaves each alone where rows do not travel together', () => {
    expect(bundled([messageOf('a'), messageOf('b')], 1)).toEqual([['a'], ['b']]);
  });

  it('keeps versions apart, each in order', () => {
    const messages = ['1', '2', '1', '12', '2'].map((version, i) =>
      messageOf(String(i), { version }),
    );
    expect(bundled(messages, 8)).toEqual([['0', '2'], ['1', '4'], ['3']]);
  });

  it('keeps turns apart, each in order', () => {
    const messages = [1, 2, 9, 1, 2].map((turn, i) => messageOf(String(i), { turn }));
    expect(bundled(messages, 8)).toEqual([['0', '3'], ['1', '4'], ['2']]);
  });

  it('lets nobody of another version close a bundle', () => {
    const messages = ['1', '2', '1', '2', '1'].map((version, i) =>
      messageOf(String(i), { version, count: version === '2' ? 9 : 1 }),
    );
    expect(bundled(messages, 3)).toEqual([['0', '2', '4'], ['1'], ['3']]);
  });
});

describe('bundleId', () => {
  it('is that of the only job', () => {
    expect(bundleId({ jobs: [messageOf('a')] })).toBe('a');
  });

  it('is that of the first of several and how many more there are', () => {
    expect(bundleId({ jobs: [messageOf('a'), messageOf('b'), messageOf('c')] })).toBe('a+2');
  });

  it('differs from one attempt to the next', () => {
    expect(bundleId({ jobs: [messageOf('a', { attempt: 3 })] })).toBe('a~3');
  });

  it('differs from that of each job in it, which may come again by itself', () => {
    const jobs = [messageOf('a'), messageOf('b')];
    const alone = jobs.map((job) => bundleId({ jobs: [job] }));
    expect(alone).not.toContain(bundleId({ jobs }));
  });
});
