import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Batcher, type FiringReason } from './batcher.js';

interface Item {
  id: number;
  rows: number;
  bytes: number;
  solo: boolean;
}
interface Fired {
  ids: number[];
  reason: FiringReason;
  end: () => void;
}

function setUp(options: { maxRows?: number; maxDelayMs?: number; slots?: number } = {}) {
  const fired: Fired[] = [];
  const sut = new Batcher<Item>({
    maxRows: 4,
    maxDelayMs: 10,
    slots: 2,
    maxBytes: 1000,
    ...options,
    execute: (batch, reason) =>
      new Promise((end) => fired.push({ ids: batch.map(({ id }) => id), reason, end })),
  });
  let id = 0;
  const add = (rows = 1, solo = false) => sut.add({ id: id++, rows, bytes: 1, solo });
  const told = () => fired.map(({ ids, reason }) => [reason, ...ids]);
  return { sut, fired, add, told };
}

/** Lets a batch end, and the batcher hear of it. */
async function end(batch: Fired | undefined): Promise<void> {
  batch?.end();
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

describe('Batcher', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('fires a lone job at once while nothing runs', () => {
    const { add, told } = setUp();
    add();
    expect(told()).toEqual([['idle', 0]]);
  });

  it('gathers jobs behind a busy runner until they fill a batch', () => {
    const { add, told } = setUp();
    for (let i = 0; i < 5; i++) add();
    expect(told()).toEqual([
      ['idle', 0],
      ['full', 1, 2, 3, 4],
    ]);
  });

  it('fires what has waited long enough, and not before', () => {
    const { add, told } = setUp();
    add();
    add();
    jest.advanceTimersByTime(4);
    add();
    jest.advanceTimersByTime(5);
    expect(told()).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(told()[1]).toEqual(['delay', 1, 2]);
  });

  it('never has more batches under way than slots', async () => {
    const { add, told, fired } = setUp();
    for (let i = 0; i < 20; i++) add();
    jest.advanceTimersByTime(1000);
    expect(told()).toHaveLength(2);
    await end(fired[1]);
    expect(told()[2]).toEqual(['full', 5, 6, 7, 8]);
  });

  it('fires the rest as soon as the runner is idle', async () => {
    const { add, told, fired } = setUp();
    add();
    add();
    await end(fired[0]);
    expect(told()[1]).toEqual(['idle', 1]);
  });

  it('never exceeds the cap, except by a job that does so alone', async () => {
    const { add, told, fired } = setUp();
    for (const rows of [1, 3, 2, 9, 1]) add(rows);
    for (let i = 0; i < 5; i++) await end(fired[i]);
    expect(told().map(([, ...ids]) => ids)).toEqual([[0], [1], [2], [3], [4]]);
  });

  it('keeps to a cap that is lowered later', async () => {
    const { sut, add, told, fired } = setUp();
    add();
    sut.maxRows = 1;
    add();
    add();
    await end(fired[0]);
    await end(fired[1]);
    expect(told().map(([, ...ids]) => ids)).toEqual([[0], [1], [2]]);
  });

  it('runs a suspect alone: after what is under way, before what waits', async () => {
    const { add, told, fired } = setUp();
    add();
    add(1, true);
    add(1, true);
    for (let i = 0; i < 8; i++) add();
    jest.advanceTimersByTime(1000);
    expect(told()).toEqual([['idle', 0]]);
    await end(fired[0]);
    jest.advanceTimersByTime(1000);
    expect(told().slice(1)).toEqual([['solo', 1]]);
    await end(fired[1]);
    expect(told().slice(2)).toEqual([['solo', 2]]);
    await end(fired[2]);
    expect(told().slice(3)).toEqual([
      ['idle', 3, 4, 5, 6],
      ['full', 7, 8, 9, 10],
    ]);
  });

  it('gives back what was not started when it closes, and takes nothing more', async () => {
    const { sut, add, told, fired } = setUp();
    add();
    add();
    add(1, true);
    expect(sut.close().map(({ id }) => id)).toEqual([2, 1]);
    expect(add()).toBe(false);
    await end(fired[0]);
    jest.advanceTimersByTime(1000);
    expect(told()).toEqual([['idle', 0]]);
    expect(sut.close()).toEqual([]);
  });
});
