import {
  type Counts,
  type DriftFeature,
  isClassification,
  isTabular,
  type VersionDescription,
} from '#libs/contracts';
import { isNumberField, type PredictionObserver } from '#libs/kinds';
import { binName, binOf } from '#libs/statistics';

/** Bins of shares from 0 to 1; by arithmetic, as it is done for each instance. */
const SHARE_BINS = 20;

/** A declared number of the input. */
interface Column {
  name: string;
  place: number;
  edges: Float64Array;
  minimum: number;
  maximum: number;
  /** By bin. */
  counts: Int32Array;
  missing: number;
  outOfRange: number;
}

/**
 * Counts what instances and their predictions are like. It is asked for each instance, so that it only raises
 * numbers in arrays; they get their names when they are taken.
 */
export class Observer implements PredictionObserver {
  private rows = 0;
  private lowConfidence = 0;
  private outOfRange = 0;
  private readonly columns: Column[];
  private readonly classes: Int32Array;
  private readonly shares = {
    confidence: new Int32Array(SHARE_BINS),
    entropy: new Int32Array(SHARE_BINS),
  };
  private readonly value: { edges: Float64Array; counts: Int32Array } | undefined;
  private readonly labels: readonly string[];
  private readonly threshold: number;

  constructor(
    { input, output, drift }: VersionDescription,
    private readonly features: readonly DriftFeature[],
  ) {
    this.labels = isClassification(output) ? output.labels : [];
    this.classes = new Int32Array(this.labels.length);
    this.threshold = drift ? drift.low_confidence : 0;
    const value = features.find(({ kind }) => kind === 'value');
    if (value) {
      const edges = Float64Array.from(value.edges ?? []);
      this.value = { edges, counts: new Int32Array(edges.length + 1) };
    }
    const fields = isTabular(input) ? input.fields : [];
    this.columns = features
      .filter(({ kind }) => kind === 'input')
      .map((feature) => {
        const place = fields.findIndex(({ name }) => feature.name === `input/${name}`);
        const field = fields[place];
        const { minimum = -Infinity, maximum = Infinity } =
          field && isNumberField(field) ? field : {};
        const edges = Float64Array.from(feature.edges ?? []);
        const counts = new Int32Array(edges.length + 1);
        return {
          name: field?.name ?? '',
          place,
          edges,
          minimum,
          maximum,
          counts,
          missing: 0,
          outOfRange: 0,
        };
      });
  }

  /** An instance, as its caller sent it or a `preprocess` made it, that the graph has answered. */
  instance(instance: unknown): void {
    this.rows++;
    const short = Array.isArray(instance) ? (instance as unknown[]) : undefined;
    let outside = false;
    for (const column of this.columns) {
      const value = short
        ? short[column.place]
        : (instance as Record<string, unknown>)[column.name];
      if (typeof value === 'number') {
        const bin = binOf(column.edges, value);
        column.counts[bin] = (column.counts[bin] ?? 0) + 1;
        if (value < column.minimum || value > column.maximum) {
          column.outOfRange++;
          outside = true;
        }
      } else if (value === undefined || value === null) column.missing++;
    }
    if (outside) this.outOfRange++;
  }

  classified(best: number, scores: Float64Array): void {
    const confidence = scores[best] ?? 0;
    this.classes[best] = (this.classes[best] ?? 0) + 1;
    count(this.shares.confidence, confidence);
    if (confidence < this.threshold) this.lowConfidence++;
    const entropy = normalisedEntropy(scores);
    if (entropy !== null) count(this.shares.entropy, entropy);
  }

  estimated(value: number): void {
    if (!this.value) return;
    const bin = binOf(this.value.edges, value);
    this.value.counts[bin] = (this.value.counts[bin] ?? 0) + 1;
  }

  /** What was counted since it was last taken; null: nothing. */
  take(): Counts | null {
    if (this.rows === 0) return null;
    const counts: Counts = {};
    const put = (name: string, found: number): void => {
      if (found > 0) counts[name] = found;
    };
    put('rows', this.rows);
    put('low-confidence', this.lowConfidence);
    put('out-of-range', this.outOfRange);
    this.rows = this.lowConfidence = this.outOfRange = 0;
    const columns = this.columns.values();
    for (const feature of this.features) {
      const bins = this.binsOf(feature, columns);
      bins.forEach((found, bin) => {
        if (feature.kind === 'class') put(`class/${this.labels[bin] ?? ''}`, found);
        else put(binName(feature, bin), found);
      });
      bins.fill(0);
    }
    for (const column of this.columns) {
      put(`missing/${column.name}`, column.missing);
      put(`out-of-range/${column.name}`, column.outOfRange);
      column.missing = column.outOfRange = 0;
    }
    return counts;
  }

  /** @param columns those that are left, in the order of the features. */
  private binsOf({ kind }: DriftFeature, columns: Iterator<Column>): Int32Array {
    switch (kind) {
      case 'class':
        return this.classes;
      case 'confidence':
      case 'entropy':
        return this.shares[kind];
      case 'value':
        return this.value?.counts ?? new Int32Array();
      case 'input':
        return (columns.next().value as Column).counts;
    }
  }
}

/** In the bin that `binOf` finds, but for rounding at an edge. */
function count(bins: Int32Array, share: number): void {
  const bin = Math.min(SHARE_BINS - 1, Math.max(0, Math.ceil(share * SHARE_BINS) - 1));
  bins[bin] = (bins[bin] ?? 0) + 1;
}

/** 0 to 1, of scores that are shares of something; null where they cannot be. */
function normalisedEntropy(scores: Float64Array): number | null {
  let sum = 0;
  let weighted = 0;
  for (const score of scores) {
    if (score < 0) return null;
    if (score === 0) continue;
    sum += score;
    weighted += score * Math.log(score);
  }
  if (sum === 0 || scores.length < 2) return null;
  // Of score / sum: scores that are each true or not (sigmoid) add up to anything.
  return (Math.log(sum) - weighted / sum) / Math.log(scores.length);
}
