import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Batcher, type BatchItem } from './batcher.js';

interface Item extends BatchItem {
  id: number;
}

type Step = Omit<Item, 'id'> | 'end' | number;

/** Plays a sequence of arrivals, ends and waits, and holds what happens against the invariants. */
async function runs(
  options: { maxRows: number; maxBytes: number; maxDelayMs: number; slots: number },
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
      const bytes = batch.reduce((sum, item) => sum + item.bytes, 0);
      if (batch.length > 1) {
        expect(rows).toBeLessThanOrEqual(options.maxRows);
        expect(bytes).toBeLessThanOrEqual(options.maxBytes);
      }
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

describe('Batcher', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('loses nothing and runs nothing twice, whatever happens', async () => {
    const size = fc.integer({ min: 1, max: 9 });
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ rows: size, bytes: size, solo: fc.constant(false) }),
      },
      { weight: 1, arbitrary: fc.record({ rows: size, bytes: size, solo: fc.constant(true) }) },
      { weight: 3, arbitrary: fc.constant('end' as const) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 20 }) },
    );
    const options = fc.record({
      maxRows: fc.integer({ min: 1, max: 8 }),
      maxBytes: fc.integer({ min: 1, max: 40 }),
      maxDelayMs: fc.integer({ min: 0, max: 10 }),
      slots: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(options, fc.array(step, { maxLength: 60 }), fc.boolean(), runs),
      { numRuns: 300 },
    );
  });
});
