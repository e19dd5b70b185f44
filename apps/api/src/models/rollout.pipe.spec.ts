import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { pointedErrorsOf } from '#libs/testing';
import { RolloutPipe } from './rollout.pipe.js';

const sut = new RolloutPipe();
const CANARY = { version: '2', percent: 10 };
const pointersOf = (body: unknown) =>
  pointedErrorsOf(() => sut.transform(body)).map(({ pointer }) => pointer);

describe('RolloutPipe', () => {
  it('takes everything a rollout may say, and adds how many samples a guard waits for', () => {
    const body = {
      stable: '1',
      canary: { ...CANARY, sticky_by: 'metadata.user' },
      shadow: { version: '2', percent: 0.5, tolerance: 0 },
      guard: {
        max_error_rate: 0,
        max_p95_ms: 20,
        max_p95_ratio: 1.5,
        max_disagreement: 0.05,
        max_drift_psi: 0.2,
        promote_after_s: 3600,
      },
    };
    const filled = { ...body, guard: { ...body.guard, min_samples: 100 } };
    expect(JSON.parse(JSON.stringify(sut.transform(body)))).toEqual(filled);
    expect(JSON.stringify(sut.transform({ stable: '1', canary: null }))).toBe('{"stable":"1"}');
  });

  it.each<[string, unknown]>([
    ['/stable', {}],
    ['/stable', { stable: 1 }],
    ['/stable', { stable: 'stable' }],
    ['/stable', { stable: '01' }],
    ['/canary', { stable: '1', canary: '2' }],
    ['/canary', { stable: '1', canary: [] }],
    ['/canary/version', { stable: '1', canary: { percent: 1 } }],
    ['/canary/version', { stable: '1', canary: { version: '1', percent: 1 } }],
    ['/canary/percent', { stable: '1', canary: { version: '2' } }],
    ['/canary/weight', { stable: '1', canary: { ...CANARY, weight: 1 } }],
    ['/shadow/version', { stable: '1', shadow: { version: '1', percent: 1 } }],
    ['/shadow/tolerance', { stable: '1', shadow: { ...CANARY, tolerance: -1 } }],
    ['/guard', { stable: '1', guard: { max_error_rate: 0.1 } }],
    ['/guard', { stable: '1', canary: CANARY, guard: { promote_after_s: 1 } }],
    ['/guard/max_disagreement', { stable: '1', canary: CANARY, guard: { max_disagreement: 0.1 } }],
    [
      '/guard/max_disagreement',
      {
        stable: '1',
        canary: CANARY,
        shadow: { version: '3', percent: 1 },
        guard: { max_disagreement: 0.1 },
      },
    ],
    ['/default', { stable: '1', default: true }],
  ])('points at %s of %j', (pointer, body) => {
    expect(pointersOf(body)).toEqual([pointer]);
  });

  it.each([-1, 100.1, '10', NaN, Infinity, true])('refuses %p for a percentage', (percent) => {
    for (const part of ['canary', 'shadow']) {
      const body = { stable: '1', [part]: { version: '2', percent } };
      expect(pointersOf(body)).toEqual([`/${part}/percent`]);
    }
  });

  it.each([
    ['min_samples', [0, 1.5, '100']],
    ['max_error_rate', [-0.1, 1.1]],
    ['max_p95_ms', [0, -1]],
    ['max_p95_ratio', [0, -1]],
    ['max_drift_psi', [0, -1]],
    ['promote_after_s', [0, -1]],
    ['max_errors', [1]],
  ])('points at %s of a guard', (field, values) => {
    for (const value of values) {
      const guard = { max_error_rate: 0.1, [field]: value };
      expect(pointersOf({ stable: '1', canary: CANARY, guard })).toEqual([`/guard/${field}`]);
    }
  });

  it.each(['metadata.user', 'metadata.a.b', 'metadata. ', 'header.X-User', 'header.x_1'])(
    'takes %p to be sticky by',
    (sticky_by) => {
      expect(sut.transform({ stable: '1', canary: { ...CANARY, sticky_by } }).canary).toMatchObject(
        { sticky_by },
      );
    },
  );

  it.each([
    ...['user', 'metadata', 'metadata.', 'header.', 'header.a b', 'header.a:b', 'cookie.x', 5],
    ...['header.Authorization', 'header.cookie', 'header.PROXY-authorization'],
    ...[`metadata.${'x'.repeat(65)}`, `header.${'x'.repeat(65)}`, 'metadata.\ud800'],
  ])('refuses %p to be sticky by', (sticky_by) => {
    const body = { stable: '1', canary: { ...CANARY, sticky_by } };
    expect(pointersOf(body)).toEqual(['/canary/sticky_by']);
  });
});
