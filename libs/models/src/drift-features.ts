import { hash } from 'node:crypto';
import type {
  DriftFeature,
  DriftKind,
  RegressionOutput,
  NumberField,
  VersionDescription,
} from '#libs/contracts';
import { isClassification, isRecord, isRegression, isTabular } from '#libs/contracts';
import { isNumberField, isPreprocessed } from '#libs/kinds';
import { linearEdges, quantileEdges, SIGNED_LOG_EDGES } from '#libs/statistics';

/** Of a model with more, the first are watched: each costs Redis some kilobytes every five minutes. */
const MAX_FIELDS = 100;
/** As many as credit scoring, which the index is from, commonly takes. */
const QUANTILES = 10;
/** Of a declared range. */
const RANGE_BINS = 20;
/** On both sides of a declared mean, in steps of half a standard deviation. */
const STDS = 3;
const SHARE_EDGES = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);

/**
 * What of a version is watched, and by which bins: those follow from the manifest and the reference alone, so
 * that what several processes count adds up.
 * @param reference instances as callers send them; empty: there are none.
 */
export function driftFeatures(
  version: VersionDescription,
  reference: readonly unknown[],
): DriftFeature[] {
  const { input, output } = version;
  // What is counted of inputs is what a `preprocess` makes of them.
  const rows = isPreprocessed(version) ? [] : reference;
  const features: DriftFeature[] = [];
  // Labels that do not exclude each other are no distribution over classes.
  if (isClassification(output) && !output.multi_label) {
    features.push({ name: 'class', kind: 'class' });
    features.push({ name: 'confidence', kind: 'confidence', edges: SHARE_EDGES });
    if (output.labels.length > 1) {
      features.push({ name: 'entropy', kind: 'entropy', edges: SHARE_EDGES });
    }
  }
  // Not by the reference's quantiles: the values of all versions of a model are to be comparable.
  if (isRegression(output) && !output.targets)
    features.push(scaled('value', 'value', declaredEdges(output)));
  if (isTabular(input)) {
    input.fields.slice(0, MAX_FIELDS).forEach((field, column) => {
      if (!isNumberField(field)) return;
      const values = valuesOf(field, column, rows);
      const edges = values.length > 0 ? quantileEdges(values, QUANTILES) : declaredEdges(field);
      features.push(scaled(`input/${field.name}`, 'input', edges));
    });
  }
  return features;
}

function scaled(name: string, kind: DriftKind, edges: readonly number[]): DriftFeature {
  return { name, kind, edges: [...edges], scale: hash('sha256', edges.join()).slice(0, 6) };
}

/** Of a range, else of what was declared for scaling, else of any number. */
function declaredEdges(spec: NumberField | RegressionOutput): readonly number[] {
  const { minimum, maximum, mean, std } = spec;
  if (minimum !== undefined && maximum !== undefined) {
    return linearEdges(minimum, maximum, RANGE_BINS);
  }
  if (mean !== 0 || std !== 1) {
    const edges = linearEdges(mean - STDS * std, mean + STDS * std, 4 * STDS);
    const transform = 'transform' in spec && spec.transform;
    // The range is that of what comes of it, mean and deviation of what goes in.
    return transform ? edges.map((edge) => Math[transform](edge)) : edges;
  }
  return SIGNED_LOG_EDGES;
}

function valuesOf({ name }: NumberField, column: number, rows: readonly unknown[]): number[] {
  return rows
    .map((row) => (Array.isArray(row) ? (row[column] as unknown) : isRecord(row) && row[name]))
    .filter((value) => typeof value === 'number');
}
