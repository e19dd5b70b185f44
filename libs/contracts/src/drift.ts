import type { Counts } from './counts.js';

/** How a version is watched for drift, from `model.yaml`. */
export interface DriftSettings {
  /** File of the model's folder with instances that are as those should be that come; see `reference.jsonl`. */
  reference?: string | undefined;
  /** What was observed for so long is compared. */
  window_s: number;
  /** Fewer instances in the window say nothing. */
  min_samples: number;
  warn_psi: number;
  alert_psi: number;
  /** Predictions with a lower confidence are counted, 0 to 1. */
  low_confidence: number;
}

/** Also what the compared share of instances comes to; those that say something, the worst last. */
export const DRIFT_LEVELS = ['insufficient-samples', 'ok', 'warn', 'alert'] as const;
export type DriftLevel = (typeof DRIFT_LEVELS)[number];

export const DRIFT_KINDS = ['class', 'confidence', 'entropy', 'value', 'input'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** Something about instances whose distribution is watched. */
export interface DriftFeature {
  /** What its counts are named after: the kind, or `input/<field>`. */
  name: string;
  kind: DriftKind;
  /**
   * Ascending. Bin `i` holds what is above edge `i - 1` and not above edge `i`. Absent: what is counted are
   * names, which have no order.
   */
  edges?: number[] | undefined;
  /** Tells counts by these edges from those by others, which the version had before; absent: it has no others. */
  scale?: string | undefined;
}

/** What the drift of a version is told by, as its runner found it when it loaded. */
export interface DriftBasis {
  features: DriftFeature[];
  /** The file of instances that it is compared with; null: there is none, or see `reason`. */
  reference: { digest: string; rows: number } | null;
  /** Why that file cannot be used. */
  reason?: string | undefined;
}

/** What a version is compared with. */
export interface DriftReference {
  kind: 'held-out' | 'pinned';
  counts: Counts;
  /** When it was computed, or pinned. */
  at: string;
  /** Name of the API key that pinned it. */
  by?: string | undefined;
  /** Length of the window that was pinned. */
  window_s?: number | undefined;
}
