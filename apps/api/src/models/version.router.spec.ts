import { describe, expect, it } from '@jest/globals';
import type { ModelReport, Rollout, VersionState } from '#libs/contracts';
import type { Rollouts } from '#libs/jobs';
import { codeOf, problemOf } from '#libs/testing';
import { CatalogModel } from './catalog.model.js';
import type { ModelCatalog } from './model.catalog.js';
import { VersionRouter } from './version.router.js';

/** Versions 1, 2, 3 in these states, with a graph that has been opened. */
function routerFor(rollout: Rollout | null, ...states: VersionState[]) {
  const versions = states.map((state, i) => ({
    model: 'iris',
    version: String(i + 1),
    state,
    reason: state === 'failed' ? 'bad graph' : undefined,
    input: { kind: 'tensor' },
    output: { kind: 'tensor' },
    batching: { max_batch_size: 1, max_queue_delay_ms: 0 },
    tensors: { inputs: [], outputs: [] },
  }));
  const report = { model: 'iris', versions } as unknown as ModelReport;
  const model = CatalogModel.from(report, undefined);
  const rollouts = { get: () => ({ rollout }) } as unknown as Rollouts;
  const sut = new VersionRouter({ get: () => model } as unknown as ModelCatalog, rollouts);
  const route = (asked?: string) => {
    const { served, reason } = sut.route(model, asked, { id: 'job_1', metadata: {}, headers: {} });
    return [served.report.version, reason];
  };
  const candidates = (asked?: string) =>
    sut.candidates('iris', asked).map(({ report }) => report.version);
  return { sut, model, route, candidates };
}

const canary = (percent: number): Rollout => ({ stable: '1', canary: { version: '2', percent } });

describe('VersionRouter', () => {
  it('goes to the default where there is no rollout, and to what is named', () => {
    const { route, candidates } = routerFor(null, 'ready', 'ready', 'failed');
    expect(route()).toEqual(['2', 'default']);
    expect(route('stable')).toEqual(['2', 'default']);
    expect(route('1')).toEqual(['1', 'pinned']);
    expect([candidates(), candidates('1')]).toEqual([['2'], ['1']]);
    const problem = problemOf(() => route('canary'));
    expect(problem).toMatchObject({ code: 'version-not-found' });
    expect(problem.detail).toContain('no canary');
    expect(codeOf(() => route('7'))).toBe('version-not-found');
    expect(codeOf(() => route('3'))).toBe('model-unavailable');
  });

  it('goes by the rollout, which leaves alone what names a number', () => {
    for (const [percent, expected] of [
      [0, ['1', 'stable']],
      [100, ['2', 'canary']],
    ] as const) {
      const { route, candidates } = routerFor(canary(percent), 'ready', 'ready', 'ready');
      expect(route()).toEqual(expected);
      expect(route('stable')).toEqual(['1', 'stable']);
      expect(route('canary')).toEqual(['2', 'canary']);
      expect(route('2')).toEqual(['2', 'pinned']);
      expect([candidates(), candidates('canary'), candidates('3')]).toEqual([
        ['1', '2'],
        ['2'],
        ['3'],
      ]);
    }
  });

  it('stays with the stable version while the canary cannot be served, but for who asks for it', () => {
    const failed = routerFor(canary(100), 'ready', 'failed');
    const gone = routerFor(canary(100), 'ready');
    for (const { route, candidates } of [failed, gone]) {
      expect(route()).toEqual(['1', 'stable']);
      expect(candidates()).toEqual(['1']);
      expect(codeOf(() => route('canary'))).toBe('model-unavailable');
    }
    expect(problemOf(() => failed.route('canary')).detail).toContain('bad graph');
  });

  it('puts no other version in the place of the stable one', () => {
    const { route, sut, model } = routerFor({ stable: '1' }, 'failed', 'ready');
    for (const asked of [undefined, 'stable']) {
      expect(problemOf(() => route(asked))).toMatchObject({ code: 'model-unavailable' });
      expect(problemOf(() => route(asked)).detail).toContain('stable version 1 has failed: bad');
    }
    expect(route('2')).toEqual(['2', 'pinned']);
    expect(sut.mainVersion(model)).toBeUndefined();
    const gone = routerFor({ stable: '9' }, 'ready');
    expect(problemOf(() => gone.route()).detail).toContain('stable version 9 is not there');
    expect(gone.candidates()).toEqual([]);
  });

  it('finds what is named whatever its state', () => {
    const { sut } = routerFor({ stable: '2' }, 'ready', 'failed');
    expect(sut.find('iris', 'stable').report.version).toBe('2');
    expect(sut.find('iris', '1').report.version).toBe('1');
    expect(codeOf(() => sut.find('iris', 'canary'))).toBe('version-not-found');
  });
});
