import { describe, expect, it } from '@jest/globals';
import type { ModelReport, VersionReport, VersionState, WorkerReport } from '#libs/contracts';
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
    card: {},
    ...more,
  };
}

const model = (versions: VersionReport[], more: Partial<ModelReport> = {}): ModelReport => ({
  model: 'iris',
  versions,
  ...more,
});
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

  it('takes jobs for what was served last while no worker is alive', () => {
    const last = [model([version('1', 'failed'), version('2', 'loading'), version('3', 'ready')])];
    expect(states(mergeReports([], last))).toEqual([
      ['1', 'failed'],
      ['2', 'unloaded'],
      ['3', 'unloaded'],
    ]);
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

  it('goes to the highest version that can be served', () => {
    const sut = of(
      model([version('1', 'ready'), version('2', 'unloaded'), version('3', 'failed')]),
    );
    expect(sut.resolve(undefined).report.version).toBe('2');
    expect(sut.resolve('1').report.version).toBe('1');
    expect(sut.defaultVersion?.report.version).toBe('2');
  });

  it('says why a version, or all of them, cannot be served', () => {
    const sut = of(model([version('1', 'failed', { reason: 'bad graph' })]));
    for (const asked of ['1', undefined]) {
      const problem = problemOf(() => sut.resolve(asked));
      expect(problem).toMatchObject({ code: 'model-unavailable', status: 503, retryAfterS: 30 });
      expect(problem.detail).toContain('bad graph');
    }
    expect(sut.defaultVersion).toBeUndefined();
  });

  it('says why a model has no version at all', () => {
    const sut = of(model([], { reason: 'bad manifest' }));
    expect(problemOf(() => sut.resolve(undefined)).detail).toContain('bad manifest');
    expect(codeOf(() => sut.resolve('1'))).toBe('model-unavailable');
    expect(codeOf(() => of(model([])).resolve(undefined))).toBe('model-unavailable');
  });

  it.each(['2', '01', '1 ', ''])('has no version %p', (name) => {
    const sut = of(model([version('1', 'ready')]));
    expect(codeOf(() => sut.resolve(name))).toBe('version-not-found');
  });

  it('keeps the versions that have not changed, and no others', () => {
    const before = of(model([version('1', 'ready'), version('2', 'loading')]));
    const after = of(model([version('1', 'ready'), version('2', 'ready')]), before);
    expect(after.resolve('1')).toBe(before.resolve('1'));
    expect(after.resolve('2')).not.toBe(before.resolve('2'));
  });
});
