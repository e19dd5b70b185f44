import type {
  Counts,
  Rollout,
  RolloutReport,
  ShadowFigures,
  TimeReport,
  VersionFigures,
} from '#libs/contracts';
import { logBinQuantile, under } from '#libs/statistics';
import { guardReport, jobsOf } from './guard.js';

/** @param versions what was counted of each version since the rollout was last changed. */
export function rolloutReport(
  rollout: Rollout,
  versions: ReadonlyMap<string, Counts>,
): RolloutReport {
  const { stable, canary, shadow } = rollout;
  const countsOf = (version: string): Counts => versions.get(version) ?? {};
  const names = canary ? [stable, canary.version] : [stable];
  return {
    versions: names.map((version) => versionFigures(version, countsOf(version))),
    shadow: shadow ? shadowFigures(shadow.version, countsOf(shadow.version)) : null,
    guard: guardReport(rollout, versions),
  };
}

function versionFigures(version: string, counts: Counts): VersionFigures {
  const jobs = jobsOf(counts);
  const failed = counts['jobs/failed'] ?? 0;
  return { version, jobs, failed, error_rate: share(failed, jobs), run: times(counts, 'run-ms') };
}

function shadowFigures(version: string, counts: Counts): ShadowFigures {
  const compared = counts['shadow/compared'] ?? 0;
  const agreed = counts['shadow/agreed'] ?? 0;
  const run = times(counts, 'shadow/run-ms');
  const primary = times(counts, 'shadow/primary-run-ms');
  const difference =
    run.p50_ms === null || primary.p50_ms === null ? null : run.p50_ms - primary.p50_ms;
  return {
    version,
    compared,
    agreed,
    agreement: share(agreed, compared),
    failed: counts['shadow/failed'] ?? 0,
    skipped: counts['shadow/skipped'] ?? 0,
    run,
    primary_run: primary,
    p50_difference_ms: rounded(difference),
  };
}

function share(part: number, of: number): number | null {
  return of === 0 ? null : part / of;
}

function times(counts: Counts, name: string): TimeReport {
  const bins = under(counts, name);
  return {
    p50_ms: rounded(logBinQuantile(bins, 0.5)),
    p95_ms: rounded(logBinQuantile(bins, 0.95)),
  };
}

/** To what the bins can tell, and a little more. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Number(ms.toPrecision(3));
}
