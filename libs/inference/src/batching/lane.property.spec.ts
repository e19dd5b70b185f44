import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PRIORITIES } from '#libs/contracts';
import type { BatchJob, Slice } from './batch.js';
import { CostModel } from './cost-model.js';
import { Lane } from './lane.js';

const MAX_ROWS = 16;
const SMALL = MAX_ROWS / 4;

const now = Date.now();
const base = { bytes: 1, createdAt: now, takenAt: now, solo: false } as const;

const normalJob = fc.record({
  count: fc.integer({ min: 1, max: 60 }),
  turn: fc.integer({ min: 10, max: 15 }),
  priority: fc.constant('normal' as const),
});
const anyJob = fc.record({
  count: fc.integer({ min: 1, max: 60 }),
  turn: fc.integer({ min: 10, max: 15 }),
  priority: fc.constantFrom(...PRIORITIES),
});
const batches = fc.integer({ min: 0, max: 10 });

/** A lane with jobs of which some batches have run. */
function laneOf(jobs: readonly Pick<BatchJob, 'count' | 'turn' | 'priority'>[], ran: number) {
  const sut = new Lane<BatchJob>('', new CostModel([]));
  const add = (about: Pick<BatchJob, 'count' | 'turn' | 'priority'>): BatchJob => {
    const job = { ...base, ...about };
    sut.add({ job, from: 0, to: job.count });
    return job;
  };
  const take = (): Slice<BatchJob>[] => sut.take(MAX_ROWS, Infinity);
  for (const job of jobs) add(job);
  for (let i = 0; i < ran; i++) take();
  return { sut, add, take };
}

/** Takes batches until all of a job has gone. @returns them. */
function untilGone(take: () => Slice<BatchJob>[], job: BatchJob): Slice<BatchJob>[][] {
  const taken: Slice<BatchJob>[][] = [];
  for (let left = job.count; left > 0;) {
    const batch = take();
    for (const { job: of, from, to } of batch) if (of === job) left -= to - from;
    taken.push(batch);
  }
  return taken;
}

describe('Lane, whatever waits', () => {
  it('gives a small job of a lower turn a place in the very next batch', () => {
    fc.assert(
      fc.property(fc.array(normalJob), batches, fc.nat({ max: SMALL - 1 }), (jobs, ran, size) => {
        const { add, take } = laneOf(jobs, ran);
        const job = add({ count: size + 1, turn: 9, priority: 'normal' });
        expect(untilGone(take, job)).toHaveLength(1);
      }),
    );
  });

  it('lets a job wait for those of its turn and before, and for small ones in a quarter of each batch', () => {
    fc.assert(
      fc.property(fc.array(normalJob), batches, normalJob, (jobs, ran, about) => {
        const { add, take } = laneOf(jobs, ran);
        const job = add(about);
        for (const batch of untilGone(take, job)) {
          const overtaking = batch.filter(({ job: other }) => other.turn > about.turn);
          const rows = overtaking.reduce((sum, { from, to }) => sum + to - from, 0);
          const isLast = batch.some((slice) => slice.job === job && slice.to === job.count);
          if (!isLast) expect(rows).toBeLessThanOrEqual(SMALL);
        }
      }),
    );
  });

  it('runs nothing of another priority while jobs of a lower turn have rows for a whole batch', () => {
    fc.assert(
      fc.property(fc.array(anyJob), fc.integer({ min: 1, max: 60 }), (jobs, count) => {
        const { add, take } = laneOf(
          jobs.filter(({ priority }) => priority !== 'high'),
          0,
        );
        const job = add({ count, turn: 9, priority: 'high' });
        expect(untilGone(take, job)).toHaveLength(Math.ceil(count / MAX_ROWS));
      }),
    );
  });
});
