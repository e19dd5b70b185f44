import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RunSample } from '../runner/protocol.js';
import { AdaptiveCap } from './adaptive-cap.js';
import type { Batch, BatchJob } from './batch.js';
import { Batcher } from './batcher.js';

interface Job extends BatchJob {
  id: number;
}

/** Runs of 10 ms, whatever their size: company saves all of it. */
const COSTLY: RunSample[] = [
  { rows: 1, ms: 10 },
  { rows: 2, ms: 10 },
];

function setUp(options: { maxRows?: number; maxDelayMs?: number; samples?: RunSample[] } = {}) {
  const { maxRows = 4, maxDelayMs = 50, samples = COSTLY } = options;
  const fired: Batch<Job>[] = [];
  const capacity = { slots: 1, inMs: 0 };
  const cap = new AdaptiveCap(maxRows);
  const sut = new Batcher<Job>({
    cap,
    maxDelayMs,
    maxBytes: 1000,
    capacity: {
      freeInMs: () => (capacity.slots > 0 ? capacity.inMs : Infinity),
      hasIdle: () => capacity.slots > 0,
    },
    laneOf: (shape) => shape ?? '',
    samples: () => samples,
    fire: (batch) => {
      capacity.slots--;
      fired.push(batch);
    },
  });
  let id = 0;
  const add = (job: Partial<Job> = {}): Job => {
    const whole: Job = {
      id: id++,
      count: 1,
      bytes: 1,
      priority: 'normal',
      turn: 1,
      createdAt: Date.now(),
      takenAt: Date.now(),
      solo: false,
      ...job,
    };
    sut.add(whole);
    return whole;
  };
  const free = (): void => {
    capacity.slots++;
    sut.wake();
  };
  /** What was fired: the reason, and the id of each job with its number of rows. */
  const told = () =>
    fired.map(({ reason, slices }) => [reason, ...slices.map((s) => [s.job.id, s.to - s.from])]);
  return { sut, cap, capacity, add, free, fired, told };
}

const passMs = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

describe('Batcher', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_000_000 });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('fires a lone job at once', async () => {
    const { add, told } = setUp();
    add();
    await passMs(0);
    expect(told()).toEqual([['idle', [0, 1]]]);
  });

  it('takes together what arrives together', async () => {
    const { add, told } = setUp({ samples: [] });
    add();
    add();
    await passMs(0);
    expect(told()).toEqual([['idle', [0, 1], [1, 1]]]);
  });

  it('fires when a batch is full', async () => {
    const { add, told } = setUp();
    for (let i = 0; i < 5; i++) add();
    await passMs(0);
    expect(told()).toEqual([['full', [0, 1], [1, 1], [2, 1], [3, 1]]]);
  });

  it('waits while company comes soon enough to pay, and no longer', async () => {
    const { add, free, told } = setUp({ maxRows: 100 });
    add();
    await passMs(2);
    free();
    for (let i = 0; i < 4; i++) {
      add();
      await passMs(2);
    }
    // 4 jobs × 2 ms of waiting are less than the 10 ms that one more would save.
    expect(told().slice(1)).toEqual([]);
    // Nobody has come for 3 ms, and 4 × 3 ms are more.
    await passMs(1);
    expect(told().slice(1)).toEqual([['idle', [1, 1], [2, 1], [3, 1], [4, 1]]]);
  });

  it('fires when the oldest has waited for max_queue_delay_ms since its submission', async () => {
    const { add, told } = setUp({ maxDelayMs: 5 });
    add({ createdAt: Date.now() - 2 });
    add();
    await passMs(2);
    expect(told()).toEqual([]);
    await passMs(1);
    expect(told()).toEqual([['delay', [0, 1], [1, 1]]]);
  });

  it('fires when a job must start', async () => {
    const { add, told } = setUp();
    add();
    add({ startBy: Date.now() + 5 });
    await passMs(0);
    expect(told()).toEqual([['deadline', [0, 1], [1, 1]]]);
  });

  it('keeps jobs until a runner is nearly free, so that more urgent ones can still come', async () => {
    const { add, told, capacity } = setUp({ maxRows: 1 });
    capacity.inMs = 30;
    add();
    await passMs(29);
    capacity.inMs = 0;
    add({ turn: 0 });
    await passMs(1);
    expect(told()).toEqual([['full', [1, 1]]]);
  });

  it('keeps rows of different shapes apart', async () => {
    const { add, free, told } = setUp({ samples: [] });
    add({ shape: '7' });
    add({ shape: '9' });
    add({ shape: ['7', '7', '9'], count: 3 });
    await passMs(0);
    free();
    await passMs(0);
    expect(told()).toEqual([
      ['idle', [0, 1], [2, 2]],
      ['idle', [1, 1], [2, 1]],
    ]);
  });

  it('runs the jobs of a crashed batch alone, and all that is left of them', async () => {
    const { sut, add, free, fired, told } = setUp({ samples: [] });
    add({ count: 6 });
    add();
    await passMs(0);
    add();
    const [crashed] = fired;
    if (crashed) sut.isolate(crashed);
    for (let i = 0; i < 5; i++) {
      free();
      await passMs(0);
    }
    expect(told().slice(1)).toEqual([
      ['solo', [0, 3]],
      ['solo', [0, 3]],
      ['solo', [1, 1]],
      ['idle', [2, 1]],
    ]);
  });

  it('forgets a job that has ended otherwise', async () => {
    const { sut, add, capacity, told } = setUp();
    capacity.slots = 0;
    const job = add({ count: 3 });
    add();
    sut.remove(job);
    capacity.slots = 1;
    sut.wake();
    await passMs(50);
    expect(told()).toEqual([['idle', [1, 1]]]);
  });

  it('knows the last of the jobs that wait, by their turns', async () => {
    const { sut, capacity, add } = setUp();
    capacity.slots = 0;
    const [, middle, last] = [1, 2, 3].map((turn) => add({ turn, shape: `shape ${turn}` }));
    await passMs(0);
    expect(sut.last(() => true)).toBe(last);
    expect(sut.last((job) => job !== last)).toBe(middle);
    expect(sut.last(() => false)).toBeUndefined();
  });

  it('gives back what has not started when it is closed, each job once', async () => {
    const { sut, add } = setUp({ maxRows: 2 });
    const [big, small] = [add({ count: 5 }), add()];
    await passMs(0);
    expect(sut.close()).toEqual([big]);
    expect(sut.add(small)).toBe(false);
    expect(sut.isEmpty).toBe(true);
  });

  it('follows a cap that has been lowered', async () => {
    const { sut, cap, capacity, add, told } = setUp();
    capacity.slots = 0;
    for (let i = 0; i < 4; i++) add();
    cap.limit = 2;
    capacity.slots = 1;
    sut.wake();
    await passMs(0);
    expect(told()).toEqual([['full', [0, 1], [1, 1]]]);
  });
});
