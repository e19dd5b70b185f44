import type { ModelReport, VersionReport, VersionState, WorkerReport } from '#libs/contracts';

/** Best first: a version is as well off as its best worker. */
const BEST_FIRST: VersionState[] = ['ready', 'loading', 'unloaded', 'failed'];

/**
 * One picture of what all workers report. While none is alive, jobs are still taken for what was served
 * last: they wait in their queue.
 */
export function mergeReports(
  workers: readonly WorkerReport[],
  lastCatalog: readonly ModelReport[],
): ModelReport[] {
  if (workers.length === 0) return lastCatalog.map(asleep);
  const merged = new Map<string, ModelReport>();
  for (const report of workers.flatMap(({ models }) => models)) {
    const known = merged.get(report.model);
    merged.set(report.model, known ? mergeModel(known, report) : report);
  }
  return [...merged.values()];
}

function mergeModel(a: ModelReport, b: ModelReport): ModelReport {
  const versions = new Map<string, VersionReport>(a.versions.map((v) => [v.version, v]));
  for (const version of b.versions) {
    const known = versions.get(version.version);
    if (!known || rank(version) < rank(known)) versions.set(version.version, version);
  }
  return {
    ...a,
    reason: versions.size > 0 ? undefined : (a.reason ?? b.reason),
    versions: [...versions.values()].sort((x, y) => Number(x.version) - Number(y.version)),
  };
}

function rank({ state }: VersionReport): number {
  return BEST_FIRST.indexOf(state);
}

function asleep(report: ModelReport): ModelReport {
  return {
    ...report,
    versions: report.versions.map((v) => (v.state === 'failed' ? v : { ...v, state: 'unloaded' })),
  };
}
