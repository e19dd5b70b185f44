/** Why a job runs with the version it has. */
export const VERSION_REASONS = ['pinned', 'default', 'stable', 'canary'] as const;
/**
 * `pinned`: the submission named its number. `default`: no rollout is set, so the model's default. `stable`,
 * `canary`: the model's rollout has it as that, and the submission named nothing, or just that.
 */
export type VersionReason = (typeof VERSION_REASONS)[number];

/** Names that stand for a version wherever one may be named. */
export const VERSION_ALIASES = ['stable', 'canary'] as const;
export type VersionAlias = (typeof VERSION_ALIASES)[number];

/** A share of the submissions that name no version goes to this one. */
export interface Canary {
  version: string;
  /** 0 to 100, with fractions. */
  percent: number;
  /**
   * `metadata.<key>` or `header.<name>`: submissions with the same value get the same version. Without it, or
   * where a submission lacks it, each is drawn by itself.
   */
  sticky_by?: string | undefined;
}

/** A share of what the stable version has computed is computed again with this one, for comparison alone. */
export interface Shadow {
  version: string;
  /** 0 to 100, with fractions. */
  percent: number;
  /** Numbers that differ by no more than this, relatively or absolutely, agree. Default: 0.001. */
  tolerance?: number | undefined;
}

/** What a canary must keep to; the first condition that is broken ends the rollout. */
export interface Guard {
  /** Jobs, or comparisons, of the canary before a condition counts. */
  min_samples: number;
  /** Share of the canary's jobs that fail, 0 to 1. */
  max_error_rate?: number | undefined;
  /** 95th percentile of the time that the canary's jobs compute. */
  max_p95_ms?: number | undefined;
  /** The same, as a multiple of the stable version's. */
  max_p95_ratio?: number | undefined;
  /** Share of shadowed jobs in which the canary's version gives another answer, 0 to 1. Takes a shadow of it. */
  max_disagreement?: number | undefined;
  /** Population stability index of the canary's predictions against the stable version's. */
  max_drift_psi?: number | undefined;
  /** Kept for so long, with `min_samples`, the canary becomes the stable version; absent: it stays a canary. */
  promote_after_s?: number | undefined;
}

/** Which versions of a model submissions go to. */
export interface Rollout {
  stable: string;
  canary?: Canary | undefined;
  shadow?: Shadow | undefined;
  guard?: Guard | undefined;
}

export const ROLLOUT_EVENTS = ['set', 'removed', 'rolled-back', 'promoted'] as const;
export type RolloutEvent = (typeof ROLLOUT_EVENTS)[number];

/** A change of a model's rollout, as it is kept for audit. */
export interface RolloutChange {
  /** Counts the changes of a model's rollout, from 1. */
  revision: number;
  event: RolloutEvent;
  at: string;
  /** Name of the API key that asked for it; `guard` for what the guard did; '' on a server without keys. */
  by: string;
  /** What the guard saw. */
  reason?: string | undefined;
  /** From then on; null: none. */
  rollout: Rollout | null;
}
