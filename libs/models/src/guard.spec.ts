import { describe, expect, it } from '@jest/globals';
import type { ConditionState, Counts, Guard, Rollout, RolloutChange } from '#libs/contracts';
import { logBin } from '#libs/statistics';
import { guardReport } from './guard.js';
import { decide } from './guard-decision.js';

const AT = '2026-11-21T20:00:00.000Z';
const NOW = Date.parse(AT);

function rollout(guard: Partial<Guard>): Rollout {
  return {
    stable: '1',
    canary: { version: '2', percent: 10 },
    guard: { min_samples: 50, ...guard },
  };
}

/** Runs that took so long. */
const runs = (ms: number, count: number): Counts => ({ [`run-ms/${String(logBin(ms))}`]: count });
const jobs = (succeeded: number, failed = 0): Counts => ({
  'jobs/succeeded': succeeded,
  'jobs/failed': failed,
});
const classes = (a: number, b: number): Counts => ({ 'class/a': a, 'class/b': b });
const values = (scale: string, low: number, high: number): Counts => ({
  [`value/${scale}:0`]: 10 * low,
  [`value/${scale}:1`]: 10 * high,
});
const shadow = (compared: number, agreed: number, failed = 0): Counts => ({
  'shadow/compared': compared,
  'shadow/agreed': agreed,
  'shadow/failed': failed,
});

describe('guardReport', () => {
  it.each<[string, Partial<Guard>, Counts, Counts, ConditionState, number | null]>([
    ['nothing seen', { max_error_rate: 0.1 }, {}, {}, 'collecting', null],
    ['too few', { max_error_rate: 0.1 }, jobs(0, 49), {}, 'collecting', 1],
    ['enough', { max_error_rate: 0.1 }, jobs(0, 50), {}, 'broken', 1],
    ['below', { max_error_rate: 0.1 }, jobs(95, 5), {}, 'kept', 0.05],
    ['above by chance', { max_error_rate: 0.1 }, jobs(88, 12), {}, 'collecting', 0.12],
    ['above for sure', { max_error_rate: 0.1 }, jobs(700, 300), {}, 'broken', 0.3],
    ['one where none may', { max_error_rate: 0 }, jobs(99, 1), {}, 'broken', 0.01],
    ['quick', { max_p95_ms: 100 }, runs(10, 100), {}, 'kept', 10],
    ['slow', { max_p95_ms: 100 }, runs(200, 100), {}, 'broken', 200],
    ['a few slow', { max_p95_ms: 100 }, { ...runs(10, 97), ...runs(900, 3) }, {}, 'kept', 10],
    ['no comparison', { max_p95_ratio: 2 }, runs(10, 100), runs(10, 10), 'collecting', 1],
    ['as quick', { max_p95_ratio: 2 }, runs(10, 100), stableRuns(10), 'kept', 1],
    ['slower', { max_p95_ratio: 2 }, runs(40, 100), stableRuns(10), 'broken', 4],
    ['agrees', { max_disagreement: 0.1 }, shadow(100, 97), {}, 'kept', 0.03],
    ['disagrees', { max_disagreement: 0.1 }, shadow(100, 50), {}, 'broken', 0.5],
    ['gives nothing', { max_disagreement: 0.1 }, shadow(0, 0, 60), {}, 'broken', 1],
    ['as ever', { max_drift_psi: 0.2 }, classes(52, 48), classes(500, 500), 'kept', 0.002],
    ['another', { max_drift_psi: 0.2 }, classes(95, 5), classes(500, 500), 'broken', 1.32],
    [
      'other values',
      { max_drift_psi: 0.2 },
      values('s', 9, 1),
      values('s', 50, 50),
      'broken',
      0.87,
    ],
    [
      'other bins',
      { max_drift_psi: 0.2 },
      values('s', 9, 1),
      values('t', 5, 5),
      'collecting',
      null,
    ],
    ['no stable', { max_drift_psi: 0.2 }, classes(95, 5), {}, 'collecting', null],
    ['by chance', { max_drift_psi: 0.01 }, classes(60, 40), classes(500, 500), 'collecting', 0.029],
    // So far above its limit that without any drift it would hardly be; but a little below it, it may.
    [
      'near its limit',
      { max_drift_psi: 0.15 },
      classes(700, 300),
      classes(4500, 4500),
      'collecting',
      0.168,
    ],
    [
      'far above it',
      { max_drift_psi: 0.05 },
      classes(700, 300),
      classes(4500, 4500),
      'broken',
      0.168,
    ],
  ])('%s: %j', (_, guard, canary, stable, state, value) => {
    const seen = new Map([
      ['2', canary],
      ['1', stable],
    ]);
    const [found, ...others] = guardReport(rollout(guard), seen);
    expect(found?.state).toBe(state);
    if (value === null) expect(found?.value).toBeNull();
    // Times are known to 9 %.
    else expect(Math.abs((found?.value ?? 0) - value)).toBeLessThanOrEqual(0.1 * value + 0.005);
    expect(others).toEqual([]);
  });

  it('has nothing to say without a guard or a canary', () => {
    expect(
      guardReport({ stable: '1', guard: { min_samples: 1, max_error_rate: 0 } }, new Map()),
    ).toEqual([]);
    expect(guardReport({ stable: '1', canary: { version: '2', percent: 1 } }, new Map())).toEqual(
      [],
    );
  });
});

describe('decide', () => {
  const change = (guard: Partial<Guard>): RolloutChange => ({
    revision: 3,
    event: 'set',
    at: AT,
    by: 'ops',
    rollout: rollout(guard),
  });
  const seen = (canary: Counts) => new Map([['2', canary]]);

  it('goes back at once, and says why', () => {
    expect(decide(change({ max_error_rate: 0.05 }), seen(jobs(0, 60)), NOW)).toEqual({
      event: 'rolled-back',
      reason: 'max_error_rate: 1 of 60, limit 0.05',
    });
  });

  it.each<[string, Partial<Guard>, Counts, number, boolean]>([
    ['is not asked for', {}, jobs(100), 1e6, false],
    ['is due', { promote_after_s: 60 }, jobs(100), 60, true],
    ['is not due', { promote_after_s: 60 }, jobs(100), 59.9, false],
    ['has seen too little', { promote_after_s: 60 }, jobs(49), 60, false],
    ['keeps to it', { promote_after_s: 60, max_error_rate: 0.1 }, jobs(100, 5), 60, true],
    ['may not', { promote_after_s: 60, max_error_rate: 0.1 }, jobs(88, 12), 60, false],
    ['lacks a comparison', { promote_after_s: 60, max_disagreement: 0.1 }, jobs(100), 60, false],
  ])('promotes a canary that %s: %j', (_, guard, canary, afterS, expected) => {
    const found = decide(change(guard), seen(canary), NOW + afterS * 1000);
    expect(found?.event).toBe(expected ? 'promoted' : undefined);
  });

  it('leaves alone what is no rollout any more', () => {
    expect(decide({ ...change({}), rollout: null }, new Map(), NOW)).toBeNull();
  });
});

function stableRuns(ms: number): Counts {
  return { ...runs(ms, 1000), ...jobs(1000) };
}
