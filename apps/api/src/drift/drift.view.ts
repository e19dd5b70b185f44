import type { Counts, DriftReference, DriftSettings } from '#libs/contracts';
import type { DriftState } from '#libs/jobs';
import { type FeatureDrift, under, versionDrift } from '#libs/statistics';

export type VersionDriftView = ReturnType<typeof driftView>;

/** A version's drift, as the api tells it. @param settings null: it is not watched. */
export function driftView(
  version: string,
  settings: DriftSettings | null,
  windowS: number,
  state: DriftState,
  observed: Counts,
) {
  const reference = state.pinned ?? state.heldOut ?? null;
  const features = settings && state.basis ? state.basis.features : [];
  const drift = settings && versionDrift(features, observed, reference?.counts ?? null, settings);
  return {
    version,
    watched: settings !== null,
    window_s: windowS,
    samples: observed['rows'] ?? 0,
    min_samples: settings?.min_samples ?? null,
    warn_psi: settings?.warn_psi ?? null,
    alert_psi: settings?.alert_psi ?? null,
    level: drift?.level ?? null,
    reference: reference && referenceView(reference),
    reference_reason: reference || !settings ? null : whyNone(state),
    features: drift?.features.map(featureView) ?? [],
    rates: ratesOf(observed),
  };
}

function referenceView({ kind, counts, at, by, window_s }: DriftReference) {
  return {
    kind,
    samples: counts['rows'] ?? 0,
    at,
    by: by ?? null,
    window_s: window_s ?? null,
  };
}

function whyNone({ basis }: DriftState): string {
  if (!basis) return 'no worker has loaded this version yet';
  if (basis.reason !== undefined) return basis.reason;
  if (basis.reference) return 'it is being computed';
  return 'there is no reference.jsonl, and no window was pinned';
}

function featureView({ feature, level, samples, observed, compared }: FeatureDrift) {
  const { name, kind, edges } = feature;
  return {
    name,
    kind,
    level,
    samples,
    reference_samples: compared?.samples ?? null,
    psi: compared?.psi ?? null,
    ks: compared?.ks ?? null,
    p_value: compared?.p ?? null,
    bins: observed.counts.map((count, i) => ({
      name: observed.names?.[i] ?? null,
      from: edges?.[i - 1] ?? null,
      to: edges?.[i] ?? null,
      count,
      reference_count: compared?.counts[i] ?? null,
    })),
  };
}

function ratesOf(observed: Counts) {
  const rows = observed['rows'] ?? 0;
  const rate = (count: number): number | null => (rows === 0 ? null : count / rows);
  const rates = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      Object.entries(under(observed, prefix)).map(([name, count]) => [name, count / rows]),
    );
  return {
    low_confidence: rate(observed['low-confidence'] ?? 0),
    out_of_range: rate(observed['out-of-range'] ?? 0),
    out_of_range_by_field: rates('out-of-range'),
    missing_by_field: rates('missing'),
  };
}
