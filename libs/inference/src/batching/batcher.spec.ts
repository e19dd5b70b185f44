import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Batcher, type FiringReason } from './batcher.js';

interface Item {
  id: number;
  rows: number;
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
    ...options,
    execute: (batch, reason) =>
      new Promise((end) => fired.push({ ids: batch.map(({ id }) => id), reason, end })),
  });
  let id = 0;
  const add = (rows = 1, solo = false) => sut.add({ id: id++, rows, solo });
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

  it('loses nothing and runs nothing twice, whatever happens', async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ rows: fc.integer({ min: 1, max: 9 }), solo: fc.constant(false) }),
      },
      { weight: 1, arbitrary: fc.record({ rows: fc.constant(1), solo: fc.constant(true) }) },
      { weight: 3, arbitrary: fc.constant('end' as const) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 20 }) },
    );
    const options = fc.record({
      maxRows: fc.integer({ min: 1, max: 8 }),
      maxDelayMs: fc.integer({ min: 0, max: 10 }),
      slots: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(options, fc.array(step, { maxLength: 60 }), fc.boolean(), runs),
      { numRuns: 300 },
    );
  });
});

type Step = Omit<Item, 'id'> | 'end' | number;

/** Plays a sequence of arrivals, ends and waits, and holds what happens against the invariants. */
async function runs(
  options: { maxRows: number; maxDelayMs: number; slots: number },
  steps: Step[],
  drain: boolean,
): Promise<void> {
  const items: Item[] = [];
  const batches: { batch: Item[]; end: () => void }[] = [];
  const under = new Set<Item[]>();
  const sut = new Batcher<Item>({
    ...options,
    execute: (batch, reason) => {
      under.add(batch);
      expect(under.size).toBeLessThanOrEqual(options.slots);
      if ([...under].flat().some(({ solo }) => solo)) expect([...under].flat()).toHaveLength(1);
      expect(reason === 'solo').toBe(batch[0]?.solo);
      const rows = batch.reduce((sum, item) => sum + item.rows, 0);
      if (batch.length > 1) expect(rows).toBeLessThanOrEqual(options.maxRows);
      return new Promise((resolve) => {
        batches.push({
          batch,
          end: () => {
            under.delete(batch);
            resolve();
          },
        });
      });
    },
  });
  let ended = 0;
  const endOne = async () => {
    batches[ended++]?.end();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  for (const step of steps) {
    if (typeof step === 'number') jest.advanceTimersByTime(step);
    else if (step === 'end') {
      if (ended < batches.length) await endOne();
    } else {
      const item = { ...step, id: items.length };
      items.push(item);
      sut.add(item);
    }
    if (under.size === 0) expect(items).toHaveLength(batches.flatMap(({ batch }) => batch).length);
  }
  while (drain && ended < batches.length) await endOne();
  const seen = [...batches.flatMap(({ batch }) => batch), ...sut.close()];
  expect(seen.map(({ id }) => id).sort((a, b) => a - b)).toEqual(items.map(({ id }) => id));
  if (drain) expect(batches.flatMap(({ batch }) => batch)).toHaveLength(items.length);
}
