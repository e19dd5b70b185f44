import type { Counts, RolloutChange } from '#libs/contracts';
import { guardReport, jobsOf } from './guard.js';

/** What a guard does. */
export interface GuardDecision {
  event: 'rolled-back' | 'promoted';
  reason: string;
}

/**
 * Whether a rollout is to end by its guard: for the worse at once, for the better when every condition has been
 * kept for `promote_after_s`, on `min_samples`.
 * @param versions what was counted of each version under this change. @returns null to go on.
 */
export function decide(
  change: RolloutChange,
  versions: ReadonlyMap<string, Counts>,
  nowMs: number,
): GuardDecision | null {
  const { rollout } = change;
  const { canary, guard } = rollout ?? {};
  if (!rollout || !canary || !guard) return null;
  const report = guardReport(rollout, versions);
  const broken = report.find(({ state }) => state === 'broken');
  if (broken) {
    const { condition, value, limit, samples } = broken;
    const found = `${condition}: ${shortly(value)} of ${String(samples)}, limit ${shortly(limit)}`;
    return { event: 'rolled-back', reason: found };
  }
  const { min_samples, promote_after_s } = guard;
  const jobs = jobsOf(versions.get(canary.version) ?? {});
  const isKept = jobs >= min_samples && report.every(({ state }) => state === 'kept');
  if (!isKept || !isPromotionDue(change, nowMs)) return null;
  return {
    event: 'promoted',
    reason: `kept for ${String(promote_after_s)} s, with ${String(jobs)} jobs`,
  };
}

/** Whether a rollout has stood for `promote_after_s`. */
export function isPromotionDue({ rollout, at }: RolloutChange, nowMs: number): boolean {
  const { promote_after_s: afterS } = rollout?.guard ?? {};
  return afterS !== undefined && nowMs >= Date.parse(at) + afterS * 1000;
}

function shortly(value: number | null): string {
  return value === null ? 'none' : String(Number(value.toPrecision(3)));
}
