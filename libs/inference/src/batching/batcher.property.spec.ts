import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { PRIORITIES } from '#libs/contracts';
import { AdaptiveCap } from './adaptive-cap.js';
import type { Batch, BatchJob } from './batch.js';
import { Batcher } from './batcher.js';

interface Job extends BatchJob {
  id: number;
}

const job = fc.record({
  count: fc.integer({ min: 1, max: 40 }),
  bytes: fc.integer({ min: 1, max: 300 }),
  priority: fc.constantFrom(...PRIORITIES),
  shapes: fc.array(fc.constantFrom('a', 'b'), { minLength: 40, maxLength: 40 }),
  mixed: fc.boolean(),
  turn: fc.integer({ min: 1, max: 5 }),
  solo: fc.boolean(),
});
const step = fc.oneof(
  job,
  fc.constantFrom('end' as const, 'crash' as const),
  fc.integer({ min: 0, max: 20 }),
);

describe('Batcher, whatever comes', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_000_000 });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('runs every row exactly once, in batches that keep the rules', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 8 }),
        async (steps, maxRows) => {
          const under: Batch<Job>[] = [];
          const ran = new Map<Job, number[]>();
          const sut = new Batcher<Job>({
            cap: new AdaptiveCap(maxRows),
            maxDelayMs: 5,
            maxBytes: 100,
            capacity: {
              freeInMs: () => (free() ? 0 : Infinity),
              hasIdle: () => under.length === 0,
            },
            laneOf: (shape) => shape ?? '',
            samples: () => [],
            fire: (batch) => {
              const rows = batch.slices.reduce((sum, { from, to }) => sum + to - from, 0);
              expect(rows).toBe(batch.rows);
              expect(rows).toBeGreaterThan(0);
              expect(rows).toBeLessThanOrEqual(maxRows);
              if (batch.slices.some((s) => s.job.solo)) {
                expect(under).toHaveLength(0);
                expect(new Set(batch.slices.map((s) => s.job)).size).toBe(1);
              }
              for (const {
                job: { shape },
                from,
                to,
              } of batch.slices) {
                const lanes = Array.isArray(shape) ? shape.slice(from, to) : [shape];
                expect(new Set(lanes)).toEqual(new Set([batch.lane]));
              }
              under.push(batch);
            },
          });
          const free = (): boolean => under.length < 2 && !under.some((b) => b.reason === 'solo');
          const end = (): void => {
            for (const { job: of, from, to } of under.shift()?.slices ?? []) {
              for (let row = from; row < to; row++) ran.get(of)?.push(row);
            }
            sut.wake();
          };
          for (const next of steps) {
            if (typeof next === 'number') await jest.advanceTimersByTimeAsync(next);
            else if (next === 'end') end();
            else if (next === 'crash') {
              const [first, ...rest] = under.splice(0);
              rest.forEach((batch) => {
                sut.putBack(batch);
              });
              if (first) sut.isolate(first);
            } else {
              const { shapes, mixed, ...of } = next;
              const shape = mixed ? shapes.slice(0, of.count) : shapes[0];
              const added = {
                ...of,
                shape,
                id: ran.size,
                createdAt: Date.now(),
                takenAt: Date.now(),
              };
              ran.set(added, []);
              sut.add(added);
            }
          }
          for (let i = 0; i < 3000 && !(sut.isEmpty && under.length === 0); i++) {
            await jest.advanceTimersByTimeAsync(5);
            end();
          }
          for (const [{ count }, rows] of ran) {
            expect(rows.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
