import type {
  ConditionReport,
  ConditionState,
  Counts,
  Guard,
  GuardCondition,
  Rollout,
} from '#libs/contracts';
import { compare, evidenceAbove, logBinEdges, logBinQuantile, under } from '#libs/statistics';

/**
 * A version that keeps to its limit is found to break it with a probability of at most one in this many, over
 * all looks together, as long as jobs fail independently of each other.
 */
const STRONG_EVIDENCE = 1000;
/** The same one-sided probability as a quantile of the normal distribution. */
const STRONG_Z = 3.09;
const P95 = 0.95;
/** Histograms of what versions predict: of classifications the first, of regressions the second. */
const PREDICTIONS = ['class', 'value'] as const;

type Found = Pick<ConditionReport, 'value' | 'samples' | 'state'>;

interface Seen {
  canary: Counts;
  stable: Counts;
  minSamples: number;
}

const CONDITIONS: Record<GuardCondition, (seen: Seen, limit: number) => Found> = {
  max_error_rate: ({ canary, minSamples }, limit) =>
    share(canary['jobs/failed'] ?? 0, jobsOf(canary), limit, minSamples),

  max_p95_ms: ({ canary, minSamples }, limit) => p95(canary, limit, minSamples),

  max_p95_ratio: ({ canary, stable, minSamples }, limit) => {
    const stableTimes = under(stable, 'run-ms');
    const stableMs = logBinQuantile(stableTimes, P95);
    const found = p95(canary, limit * (stableMs ?? Infinity), minSamples);
    const value = found.value === null || stableMs === null ? null : found.value / stableMs;
    if (total(stableTimes) < minSamples) return { ...found, value, state: 'collecting' };
    return { ...found, value };
  },

  max_disagreement: ({ canary, minSamples }, limit) => {
    const failed = canary['shadow/failed'] ?? 0;
    const compared = canary['shadow/compared'] ?? 0;
    const disagreed = compared - (canary['shadow/agreed'] ?? 0);
    return share(disagreed + failed, compared + failed, limit, minSamples);
  },

  max_drift_psi: ({ canary, stable, minSamples }, limit) => {
    const [actual, expected] = predictions(canary, stable);
    const samples = Math.min(total(actual), total(expected));
    if (samples === 0) return { value: null, samples, state: 'collecting' };
    const names = [...new Set([...Object.keys(actual), ...Object.keys(expected)])];
    const [a, e] = [actual, expected].map((counts) => names.map((name) => counts[name] ?? 0));
    const { psi: value, deviationAt } = compare(a ?? [], e ?? [], false);
    const isBroken = value - STRONG_Z * deviationAt(limit) > limit;
    return { value, samples, state: state(samples >= minSamples, value <= limit, isBroken) };
  },
};

/**
 * How the canary of a rollout stands to the conditions of its guard. Chance is allowed for: a condition is
 * `broken` once a value above its limit can hardly come from a canary that keeps to it.
 * @param versions what was counted of each version under this rollout. @returns none without guard and canary.
 */
export function guardReport(
  { stable, canary, guard }: Rollout,
  versions: ReadonlyMap<string, Counts>,
): ConditionReport[] {
  if (!guard || !canary) return [];
  const seen: Seen = {
    canary: versions.get(canary.version) ?? {},
    stable: versions.get(stable) ?? {},
    minSamples: guard.min_samples,
  };
  return limitsOf(guard).map(([condition, limit]) => ({
    condition,
    limit,
    ...CONDITIONS[condition](seen, limit),
  }));
}

/** Jobs of a version that say something of it. */
export function jobsOf(counts: Counts): number {
  return (counts['jobs/succeeded'] ?? 0) + (counts['jobs/failed'] ?? 0);
}

function limitsOf(guard: Guard): [GuardCondition, number][] {
  const names = Object.keys(CONDITIONS) as GuardCondition[];
  return names.flatMap((name) => {
    const limit = guard[name];
    return limit === undefined ? [] : [[name, limit]];
  });
}

/** A share of independent trials. */
function share(hits: number, samples: number, limit: number, minSamples: number): Found {
  if (samples === 0) return { value: null, samples, state: 'collecting' };
  const value = hits / samples;
  const isBroken = evidenceAbove(hits, samples, limit) >= STRONG_EVIDENCE;
  return { value, samples, state: state(samples >= minSamples, value <= limit, isBroken) };
}

/** The 95th percentile is above a limit where more than 5 % of the values are. */
function p95(counts: Counts, limitMs: number, minSamples: number): Found {
  const times = under(counts, 'run-ms');
  const samples = total(times);
  const value = logBinQuantile(times, P95);
  const above = Object.entries(times).filter(([bin]) => logBinEdges(Number(bin))[0] >= limitMs);
  const hits = above.reduce((sum, [, count]) => sum + count, 0);
  const isBroken = evidenceAbove(hits, samples, 1 - P95) >= STRONG_EVIDENCE;
  const isKept = value !== null && value <= limitMs;
  return { value, samples, state: state(samples >= minSamples, isKept, isBroken) };
}

/** Of the two versions, those of a kind that both have. */
function predictions(canary: Counts, stable: Counts): [Counts, Counts] {
  const found = PREDICTIONS.map((name): [Counts, Counts] => [
    under(canary, name),
    under(stable, name),
  ]);
  return found.find(([a, b], i) => isComparable(PREDICTIONS[i], a, b)) ?? [{}, {}];
}

/** Bins of values are named `<scale>:<bin>`, and say nothing of those of another scale. */
function isComparable(name: string | undefined, a: Counts, b: Counts): boolean {
  const [[mine], [theirs]] = [Object.keys(a), Object.keys(b)];
  if (mine === undefined || theirs === undefined) return false;
  return name === 'class' || mine.split(':', 1)[0] === theirs.split(':', 1)[0];
}

function state(isEnough: boolean, isKept: boolean, isBroken: boolean): ConditionState {
  if (!isEnough) return 'collecting';
  if (isBroken) return 'broken';
  return isKept ? 'kept' : 'collecting';
}

function total(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
