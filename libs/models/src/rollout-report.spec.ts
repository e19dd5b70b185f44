import { describe, expect, it } from '@jest/globals';
import { logBin } from '#libs/statistics';
import { rolloutReport } from './rollout-report.js';

const runs = (name: string, ms: number, count: number) => ({
  [`${name}/${String(logBin(ms))}`]: count,
});

describe('rolloutReport', () => {
  it('has figures of both versions, of the shadow, and of the conditions', () => {
    const counts = new Map([
      ['1', { 'jobs/succeeded': 99, 'jobs/failed': 1, ...runs('run-ms', 8, 100) }],
      [
        '2',
        {
          ...{ 'shadow/compared': 40, 'shadow/agreed': 30, 'shadow/failed': 2 },
          'shadow/skipped': 5,
          ...runs('shadow/run-ms', 16, 40),
          ...runs('shadow/primary-run-ms', 8, 40),
        },
      ],
    ]);
    const canary = { version: '2', percent: 0 };
    const guard = { min_samples: 10, max_error_rate: 0.1 };
    const shadow = { version: '2', percent: 100 };
    expect(rolloutReport({ stable: '1', canary, shadow, guard }, counts)).toEqual({
      versions: [
        { version: '1', jobs: 100, failed: 1, error_rate: 0.01, run: { p50_ms: 8, p95_ms: 8 } },
        { version: '2', jobs: 0, failed: 0, error_rate: null, run: { p50_ms: null, p95_ms: null } },
      ],
      shadow: {
        version: '2',
        compared: 40,
        agreed: 30,
        agreement: 0.75,
        failed: 2,
        skipped: 5,
        run: { p50_ms: 16, p95_ms: 16 },
        primary_run: { p50_ms: 8, p95_ms: 8 },
        p50_difference_ms: 8,
      },
      guard: [
        { condition: 'max_error_rate', limit: 0.1, value: null, samples: 0, state: 'collecting' },
      ],
    });
  });

  it('has no more than the stable version where there is no more', () => {
    expect(rolloutReport({ stable: '1' }, new Map())).toMatchObject({
      versions: [{ version: '1' }],
      shadow: null,
      guard: [],
    });
  });
});
