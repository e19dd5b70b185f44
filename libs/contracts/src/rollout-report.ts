export const GUARD_CONDITIONS = [
  'max_error_rate',
  'max_p95_ms',
  'max_p95_ratio',
  'max_disagreement',
  'max_drift_psi',
] as const;
export type GuardCondition = (typeof GUARD_CONDITIONS)[number];

export const CONDITION_STATES = ['collecting', 'kept', 'broken'] as const;
/**
 * `collecting`: too little was seen yet to tell. `kept`: the value is within the limit. `broken`: it is above
 * the limit, and not by chance.
 */
export type ConditionState = (typeof CONDITION_STATES)[number];

/** How a canary stands to a condition of its guard. */
export interface ConditionReport {
  condition: GuardCondition;
  limit: number;
  /** Null where nothing was seen. */
  value: number | null;
  /** Jobs, comparisons or predictions that the value is of. */
  samples: number;
  state: ConditionState;
}

/** Quantiles of a time, up to 9 % too much; null where nothing was seen. */
export interface TimeReport {
  p50_ms: number | null;
  p95_ms: number | null;
}

/** How a version has done since the rollout was last changed. */
export interface VersionFigures {
  version: string;
  /** Ended with a result, or with an error that may be the version's fault. */
  jobs: number;
  failed: number;
  error_rate: number | null;
  /** Time that a job computes, of those that succeeded. */
  run: TimeReport;
}

/** How a shadow has done beside the stable version since the rollout was last changed. */
export interface ShadowFigures {
  version: string;
  /** Jobs that both versions have answered. */
  compared: number;
  agreed: number;
  /** Share of the compared. */
  agreement: number | null;
  /** Replays that gave no answer: errors, crashes. */
  failed: number;
  /** Chosen for a replay, but there was no room for it. */
  skipped: number;
  /** Time that the replays computed. */
  run: TimeReport;
  /** Time that the same jobs computed in the first place. */
  primary_run: TimeReport;
  /** By which the shadow's median is longer. */
  p50_difference_ms: number | null;
}

/** What was seen since a rollout was last changed. */
export interface RolloutReport {
  /** The stable one, and the canary. */
  versions: VersionFigures[];
  shadow: ShadowFigures | null;
  /** Its conditions; none without a guard. */
  guard: ConditionReport[];
}
