import type { Counts, DriftFeature, DriftLevel, DriftSettings } from '#libs/contracts';
import { compare } from './compare.js';
import { under } from './under.js';

/** How often at most all features of a version together raise a level though nothing has shifted. */
const FALSE_ALARMS = 0.001;

/** A histogram: as many counts as the feature has bins; of names, by name. */
export interface Histogram {
  /** Of the bins, in their order. */
  counts: number[];
  /** Of the names, where the feature has those. */
  names?: string[];
}

/** A feature, compared. */
export interface FeatureDrift {
  feature: DriftFeature;
  level: DriftLevel | null;
  samples: number;
  observed: Histogram;
  /** Null: there is nothing to compare with. */
  compared: { samples: number; counts: number[]; psi: number; ks: number | null; p: number } | null;
}

/** A version, compared. */
export interface VersionDrift {
  /** The worst of its features; null: there is nothing to compare with. */
  level: DriftLevel | null;
  features: FeatureDrift[];
}

/** What the counts of a bin of a feature are called. */
export function binName({ name, scale }: DriftFeature, bin: number): string {
  return `${name}/${scale === undefined ? '' : `${scale}:`}${String(bin)}`;
}

/**
 * Compares what was observed of a version with its reference. A level takes both: a shift that is large enough,
 * by its PSI, and that is hardly chance, by its p-value; with many features, each must be the surer.
 */
export function versionDrift(
  features: readonly DriftFeature[],
  observed: Counts,
  reference: Counts | null,
  settings: DriftSettings,
): VersionDrift {
  const found = features.map((feature): FeatureDrift => {
    const histogram = histogramOf(feature, observed, reference ?? {});
    const samples = total(histogram.counts);
    if (!reference) return { feature, level: null, samples, observed: histogram, compared: null };
    const { counts } = histogramOf(feature, reference, observed);
    const { psi, ks, pValue } = compare(histogram.counts, counts, feature.edges !== undefined);
    const compared = { samples: total(counts), counts, psi, ks, p: pValue };
    const isSure = pValue < FALSE_ALARMS / features.length;
    const isEnough = samples >= settings.min_samples && compared.samples > 0;
    const level = isEnough ? levelOf(isSure ? psi : 0, settings) : 'insufficient-samples';
    return { feature, level, samples, observed: histogram, compared };
  });
  return { level: reference && worst(found.map(({ level }) => level)), features: found };
}

/** Higher is worse. */
export function severity(level: DriftLevel | null): number {
  return level === 'alert' ? 2 : level === 'warn' ? 1 : 0;
}

function levelOf(psi: number, { warn_psi, alert_psi }: DriftSettings): DriftLevel {
  if (psi >= alert_psi) return 'alert';
  return psi >= warn_psi ? 'warn' : 'ok';
}

function worst(levels: (DriftLevel | null)[]): DriftLevel {
  for (const level of ['alert', 'warn', 'ok'] as const) if (levels.includes(level)) return level;
  return 'insufficient-samples';
}

/** @param other whose names are to have a count, too. */
function histogramOf(feature: DriftFeature, counts: Counts, other: Counts): Histogram {
  const { name, edges } = feature;
  if (edges) {
    const bins = Array.from({ length: edges.length + 1 }, (_, bin) => binName(feature, bin));
    return { counts: bins.map((bin) => counts[bin] ?? 0) };
  }
  const own = under(counts, name);
  const names = [...new Set([...Object.keys(own), ...Object.keys(under(other, name))])].sort();
  return { counts: names.map((label) => own[label] ?? 0), names };
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
