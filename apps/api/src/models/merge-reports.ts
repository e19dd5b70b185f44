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
    versions.set(version.version, known ? mergeVersion(known, version) : version);
  }
  return {
    ...a,
    reason: versions.size > 0 ? undefined : (a.reason ?? b.reason),
    default_version: a.default_version ?? b.default_version,
    versions: [...versions.values()].sort((x, y) => Number(x.version) - Number(y.version)),
  };
}

/** The better of the two, with the processes of both. */
function mergeVersion(a: VersionReport, b: VersionReport): VersionReport {
  const [better, other] = rank(b) < rank(a) ? [b, a] : [a, b];
  return {
    ...better,
    // A worker that has just started has yet to open what another has long known.
    tensors: better.tensors ?? other.tensors,
    hooks: better.hooks ?? other.hooks,
    warm_instances: a.warm_instances + b.warm_instances,
    memory_bytes: a.memory_bytes + b.memory_bytes,
    update: [a.update, b.update].find((u) => u?.state === 'failed') ?? a.update ?? b.update,
  };
}

function rank({ state }: VersionReport): number {
  return BEST_FIRST.indexOf(state);
}

/** What the report of a worker leaves behind that is gone. */
function asleep(report: ModelReport): ModelReport {
  return {
    ...report,
    versions: report.versions.map((version) => ({
      ...version,
      state: version.state === 'failed' ? 'failed' : 'unloaded',
      warm_instances: 0,
      memory_bytes: 0,
      update: undefined,
    })),
  };
}
