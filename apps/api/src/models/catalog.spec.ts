import { describe, expect, it } from '@jest/globals';
import type {
  ModelReport,
  RegressionOutput,
  TabularInput,
  VersionReport,
  VersionState,
  WorkerReport,
} from '#libs/contracts';
import { codeOf, problemOf } from '#libs/testing';
import { CatalogModel } from './catalog.model.js';
import { mergeReports } from './merge-reports.js';

function version(
  name: string,
  state: VersionState,
  more: Partial<VersionReport> = {},
): VersionReport {
  return {
    model: 'iris',
    version: name,
    state,
    input: { kind: 'tensor' },
    output: { kind: 'tensor' },
    batching: { max_batch_size: 1, max_queue_delay_ms: 0 },
    warmup: { batch_sizes: [] },
    instances: 1,
    lifecycle: { preload: true, keep_warm: 0, idle_unload_s: 0 },
    defaults: {},
    warm_instances: 0,
    memory_bytes: 0,
    card: {},
    ...more,
  };
}

const model = (versions: VersionReport[], more: Partial<ModelReport> = {}): ModelReport => ({
  model: 'iris',
  versions,
  ...more,
});
const TENSORS = { inputs: [{ name: 'x', dtype: 'float32' as const, shape: ['N'] }], outputs: [] };
const worker = (...models: ModelReport[]) => ({ models }) as WorkerReport;
const states = ([report]: ModelReport[]) => report?.versions.map((v) => [v.version, v.state]);

describe('mergeReports', () => {
  it('takes the best state of any worker, whoever comes first', () => {
    const a = worker(model([version('1', 'failed', { reason: 'x' }), version('2', 'ready')]));
    const b = worker(model([version('1', 'ready'), version('2', 'loading')]));
    const expected = [
      ['1', 'ready'],
      ['2', 'ready'],
    ];
    expect(states(mergeReports([a, b], []))).toEqual(expected);
    expect(states(mergeReports([b, a], []))).toEqual(expected);
    expect(mergeReports([a, b], [])[0]?.versions[0]?.reason).toBeUndefined();
  });

  it('knows the versions of all workers, lowest first', () => {
    const a = worker(model([version('2', 'ready'), version('10', 'ready')]));
    const b = worker(model([version('9', 'ready')]));
    expect(states(mergeReports([a, b], []))?.map(([name]) => name)).toEqual(['2', '9', '10']);
  });

  it('forgets the reason of one worker where another serves the model', () => {
    const broken = worker(model([], { reason: 'bad manifest' }));
    const fine = worker(model([version('1', 'ready')]));
    expect(mergeReports([broken, fine], [])[0]?.reason).toBeUndefined();
    expect(mergeReports([broken, worker()], [])[0]?.reason).toBe('bad manifest');
  });

  it('knows the default that a worker has read, whoever comes first', () => {
    const broken = worker(model([], { reason: 'bad manifest' }));
    const fine = worker(model([version('1', 'ready')], { default_version: '1' }));
    expect(mergeReports([broken, fine], [])[0]?.default_version).toBe('1');
    expect(mergeReports([fine, broken], [])[0]?.default_version).toBe('1');
  });

  it('adds up the processes of all workers', () => {
    const busy = { warm_instances: 2, memory_bytes: 300 };
    const a = worker(model([version('1', 'ready', busy), version('2', 'ready', busy)]));
    const b = worker(model([version('1', 'loading', { warm_instances: 1, memory_bytes: 50 })]));
    const c = worker(model([version('1', 'unloaded')]));
    for (const reports of [
      [a, b, c],
      [c, b, a],
    ]) {
      expect(mergeReports(reports, [])[0]?.versions).toMatchObject([
        { state: 'ready', warm_instances: 3, memory_bytes: 350 },
        { state: 'ready', ...busy },
      ]);
    }
  });

  it('tells of an update that any worker has trouble with, before one that is under way', () => {
    const failed = { state: 'failed' as const, reason: 'x' };
    const loading = { state: 'loading' as const };
    const a = worker(model([version('1', 'ready', { update: loading })]));
    const b = worker(model([version('1', 'ready', { update: failed })]));
    const c = worker(model([version('1', 'ready')]));
    const updateOf = ([report]: ModelReport[]) => report?.versions[0]?.update;
    expect(updateOf(mergeReports([a, b, c], []))).toEqual(failed);
    expect(updateOf(mergeReports([c, a], []))).toEqual(loading);
    expect(updateOf(mergeReports([c, c], []))).toBeUndefined();
  });

  it('knows a graph that any worker has opened', () => {
    const a = worker(model([version('1', 'loading')]));
    const b = worker(model([version('1', 'unloaded', { tensors: TENSORS })]));
    expect(mergeReports([a, b], [])[0]?.versions).toMatchObject([
      { state: 'loading', tensors: TENSORS },
    ]);
  });

  it('takes jobs for what was served last while no worker is alive', () => {
    const busy = { warm_instances: 2, memory_bytes: 300, update: { state: 'loading' as const } };
    const last = [
      model([version('1', 'failed'), version('2', 'loading'), version('3', 'ready', busy)]),
    ];
    const merged = mergeReports([], last);
    expect(states(merged)).toEqual([
      ['1', 'failed'],
      ['2', 'unloaded'],
      ['3', 'unloaded'],
    ]);
    expect(merged[0]?.versions[2]).toMatchObject({ warm_instances: 0, memory_bytes: 0 });
    expect(merged[0]?.versions[2]?.update).toBeUndefined();
    expect(mergeReports([worker()], last)).toEqual([]);
  });

  it('changes no report', () => {
    const reports = [
      worker(model([version('1', 'failed')])),
      worker(model([version('1', 'ready')])),
    ];
    const before = structuredClone(reports);
    mergeReports(reports, []);
    mergeReports([], reports[0]?.models ?? []);
    expect(reports).toEqual(before);
  });
});

describe('CatalogModel', () => {
  const of = (report: ModelReport, before?: CatalogModel) => CatalogModel.from(report, before);

  const opened = { tensors: TENSORS };

  it.each<[string, VersionReport[]]>([
    ['the highest that is ready', [version('1', 'ready'), version('2', 'ready')]],
    ['not one that has failed', [version('2', 'ready'), version('3', 'failed', opened)]],
    ['not one that is only just loading', [version('2', 'ready'), version('3', 'loading')]],
    ['not one that nobody has opened', [version('2', 'ready'), version('3', 'unloaded')]],
    ['one that was unloaded', [version('1', 'ready'), version('2', 'unloaded', opened)]],
    ['one that loads again', [version('1', 'ready'), version('2', 'loading', opened)]],
    ['an unopened one where there is no other', [version('1', 'failed'), version('2', 'loading')]],
    ['the highest of unopened ones', [version('1', 'loading'), version('2', 'unloaded')]],
  ])('goes to %s', (_, versions) => {
    const sut = of(model(versions));
    expect(sut.defaultVersion?.report.version).toBe('2');
    expect(sut.resolveDefault().report.version).toBe('2');
  });

  it('goes to the version that is asked for, however much better others are', () => {
    const sut = of(model([version('1', 'loading'), version('2', 'ready')]));
    expect(sut.resolve('1').report.version).toBe('1');
  });

  it('goes to the version that is declared to be the default, and to no other', () => {
    const versions = [version('1', 'unloaded'), version('2', 'ready')];
    const declared = (default_version: string, of_ = versions) =>
      of(model(of_, { default_version }));
    expect(declared('1').resolveDefault().report.version).toBe('1');
    const bad = [version('1', 'failed', { reason: 'bad graph' }), version('2', 'ready')];
    const failed = declared('1', bad);
    expect(failed.defaultVersion).toBeUndefined();
    for (const [sut, why] of [
      [failed, 'its default version 1 has failed: bad graph'],
      [declared('3'), 'its default version 3 is not there'],
    ] as const) {
      const problem = problemOf(() => sut.resolveDefault());
      expect(problem).toMatchObject({ code: 'model-unavailable' });
      expect(problem.detail).toContain(why);
    }
  });

  it('says why a version, or all of them, cannot be served', () => {
    const sut = of(model([version('1', 'failed', { reason: 'bad graph' })]));
    for (const resolve of [() => sut.resolve('1'), () => sut.resolveDefault()]) {
      const problem = problemOf(resolve);
      expect(problem).toMatchObject({ code: 'model-unavailable', status: 503, retryAfterS: 30 });
      expect(problem.detail).toContain('bad graph');
    }
    expect(sut.defaultVersion).toBeUndefined();
  });

  it('says why a model has no version at all', () => {
    const sut = of(model([], { reason: 'bad manifest' }));
    expect(problemOf(() => sut.resolveDefault()).detail).toContain('bad manifest');
    expect(codeOf(() => sut.resolve('1'))).toBe('model-unavailable');
    expect(codeOf(() => of(model([])).resolveDefault())).toBe('model-unavailable');
  });

  it.each(['2', '01', '1 ', ''])('has no version %p', (name) => {
    const sut = of(model([version('1', 'ready')]));
    expect(codeOf(() => sut.resolve(name))).toBe('version-not-found');
  });

  it('finds a version whatever its state, but not one that may stand behind a broken manifest', () => {
    expect(of(model([version('1', 'failed')])).find('1').report.state).toBe('failed');
    expect(codeOf(() => of(model([version('1', 'ready')])).find('2'))).toBe('version-not-found');
    expect(codeOf(() => of(model([], { reason: 'x' })).find('1'))).toBe('model-unavailable');
  });

  describe('keeps a compiled validator', () => {
    const first = version('1', 'ready', { tensors: TENSORS, memory_bytes: 1 });
    const before = of(model([first]));
    const kept = (change: Partial<VersionReport>) => {
      const validator = before.resolve('1').validator();
      const heard = JSON.parse(JSON.stringify({ ...first, ...change })) as VersionReport;
      const after = of(model([heard]), before).find('1');
      expect(after.report).toMatchObject(change);
      return after.validator() === validator;
    };

    it.each<Partial<VersionReport>>([
      {},
      { state: 'loading' },
      { memory_bytes: 2, warm_instances: 1, load_ms: 3 },
      { update: { state: 'loading' }, sha256: 'x', card: { a: 'b' } },
    ])('through %j', (change) => {
      expect(kept(change)).toBe(true);
    });

    it.each<Partial<VersionReport>>([
      { tensors: { ...TENSORS, inputs: [{ name: 'y', dtype: 'float32', shape: ['N'] }] } },
      { input: { kind: 'tabular', fields: [{ name: 'a', mean: 0, std: 1 }] } as TabularInput },
      { output: { kind: 'regression', mean: 0, std: 1, decimals: 4 } as RegressionOutput },
      { batching: { max_batch_size: 0, max_queue_delay_ms: 0 } },
    ])('but not through %j', (change) => {
      expect(kept(change)).toBe(false);
    });
  });
});
