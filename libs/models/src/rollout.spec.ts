import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Canary } from '#libs/contracts';
import { roleFor, type Subject } from './rollout.js';

const subject = (about: Partial<Subject> = {}): Subject => ({
  id: 'job_1',
  metadata: {},
  headers: {},
  ...about,
});
const roleOf = (of: Subject, canary: Partial<Canary>, usable = true, model = 'iris') =>
  roleFor(
    of,
    model,
    { stable: '1', canary: { version: '2', percent: 50, ...canary } },
    () => usable,
  );

const percent = fc.integer({ min: 0, max: 1000 }).map((tenths) => tenths / 10);
const RUNS = { numRuns: 1000 };

describe('roleFor', () => {
  it('is stable without a canary, at 0 % and where the canary cannot be served', () => {
    expect(roleFor(subject(), 'iris', { stable: '1' }, () => true)).toBe('stable');
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(roleOf(subject({ id }), { percent: 0 })).toBe('stable');
        expect(roleOf(subject({ id }), { percent: 100 }, false)).toBe('stable');
        expect(roleOf(subject({ id }), { percent: 100 })).toBe('canary');
      }),
    );
  });

  it('takes nobody off the canary when its share is raised', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), percent, percent, (user, a, b) => {
        const of = subject({ metadata: { user } });
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((share) =>
          roleOf(of, { percent: share, sticky_by: 'metadata.user' }),
        );
        expect([less, more]).not.toEqual(['canary', 'stable']);
      }),
      RUNS,
    );
  });

  it.each<[string, (value: string, id: string) => Subject]>([
    ['metadata.user', (user, id) => subject({ id, metadata: { user } })],
    ['metadata.a.b', (value, id) => subject({ id, metadata: { 'a.b': value } })],
    ['header.X-User', (user, id) => subject({ id, headers: { 'x-user': user } })],
  ])('sends the same way what has the same %s', (sticky_by, make) => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), percent, fc.string(), fc.string(), (v, p, a, b) => {
        const canary = { percent: p, sticky_by };
        expect(roleOf(make(v, a), canary)).toBe(roleOf(make(v, b), canary));
      }),
      RUNS,
    );
  });

  it.each<[string, Partial<Subject>]>([
    ['metadata.user', {}],
    ['metadata.user', { metadata: { user: '' } }],
    ['metadata.constructor', {}],
    ['header.constructor', {}],
    ['header.x-user', { metadata: { 'x-user': 'ann' } }],
  ])('draws each by itself that has no %s', (sticky_by, about) => {
    const roles = Array.from({ length: 100 }, (_, i) =>
      roleOf(subject({ ...about, id: `job_${i}` }), { sticky_by }),
    );
    expect(new Set(roles).size).toBe(2);
  });

  /** Binomial: 4.5 standard deviations are missed once in 150,000 times, and always or never by these ids. */
  it.each([0.1, 1, 10, 50, 99])('sends about %d % there', (share) => {
    const n = 20_000;
    const went = Array.from({ length: n }, (_, i) =>
      roleOf(subject({ id: `job_${i}` }), { percent: share }),
    ).filter((role) => role === 'canary').length;
    const p = share / 100;
    expect(Math.abs(went - n * p)).toBeLessThan(4.5 * Math.sqrt(n * p * (1 - p)));
  });

  it('draws others for another version and another model', () => {
    const all = Array.from({ length: 1000 }, (_, i) => subject({ metadata: { u: `u${i}` } }));
    const taken = (version: string, model: string) =>
      all.map((of) => roleOf(of, { version, sticky_by: 'metadata.u' }, true, model));
    const first = taken('2', 'iris');
    for (const others of [taken('3', 'iris'), taken('2', 'digits')]) {
      const same = others.filter((role, i) => role === first[i]).length;
      expect(Math.abs(same - 500)).toBeLessThan(4.5 * Math.sqrt(250));
    }
  });
});
