import type { ClassificationOutput, TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor } from '../graph.js';
import { type Batch, sizeOf } from '../tensors.js';
import type { CallParameters, OutputDecoder } from './output-decoder.js';
import { round } from './rounding.js';

/** Most decimals for which the text of every confidence is kept once it was made. */
const MAX_KEPT_DECIMALS = 4;

/** Scores per class → `{label, confidence}` with all `probabilities`, or with the best `top_k`. */
export class ClassificationDecoder implements OutputDecoder {
  readonly tensors: readonly [string];
  /** Labels as they stand in JSON. */
  private readonly labels: string[];
  /** Of confidences, by their last decimal: making the text of a number is what decoding costs most. */
  private readonly texts: string[] = [];
  /** The row that is decoded now. */
  private readonly scores: Float64Array;

  constructor(
    private readonly spec: ClassificationOutput,
    outputs: TensorInfo[],
  ) {
    const tensor = findTensor(outputs, spec.tensor, 'output');
    const classes = tensor.shape.at(-1);
    if (typeof classes === 'number' && classes !== spec.labels.length) {
      throw new ManifestMismatch(
        `model.yaml has ${String(spec.labels.length)} labels, but the graph's ${tensor.name} has ${String(classes)} scores`,
      );
    }
    this.tensors = [tensor.name];
    this.labels = spec.labels.map((label) => JSON.stringify(label));
    this.scores = new Float64Array(spec.labels.length);
  }

  decode(outputs: Batch, row: number, parameters: CallParameters): string {
    const { scores } = this;
    this.read(outputs, row);
    this.activate();
    const count = parameters.top_k ?? this.spec.top_k;
    if (count !== undefined) {
      // Ranked by the exact scores: rounding can make two of them equal.
      const ranked = highest(scores, count);
      const best = ranked.map((i) => `{${this.entry(i)}}`);
      return `{${this.entry(ranked[0] ?? 0)},"top_k":[${best.join(',')}]}`;
    }
    let best = 0;
    let all = '';
    for (let i = 0; i < scores.length; i++) {
      if (at(scores, i) > at(scores, best)) best = i;
      all += `${i === 0 ? '' : ','}${this.labels[i] ?? ''}:${this.confidence(i)}`;
    }
    return `{${this.entry(best)},"probabilities":{${all}}}`;
  }

  private entry(i: number): string {
    return `"label":${this.labels[i] ?? ''},"confidence":${this.confidence(i)}`;
  }

  private confidence(i: number): string {
    const { decimals } = this.spec;
    const value = round(at(this.scores, i), decimals);
    if (decimals > MAX_KEPT_DECIMALS || value < 0 || value > 1) return String(value);
    return (this.texts[Math.round(value * 10 ** decimals)] ??= String(value));
  }

  private read(outputs: Batch, row: number): void {
    const { scores } = this;
    const output = outputs[this.tensors[0]];
    const given = sizeOf(output?.shape ?? []);
    // What stands behind this row's scores are those of another caller.
    if (given !== scores.length) {
      throw new ManifestMismatch(
        `model.yaml has ${String(scores.length)} labels, but the graph gave ${String(given)} scores`,
      );
    }
    const data = output?.data ?? [];
    const offset = row * given;
    for (let i = 0; i < given; i++) {
      const score = Number(data[offset + i]);
      if (!Number.isFinite(score)) {
        throw new InstanceError('the model gave scores that are not finite numbers');
      }
      scores[i] = score;
    }
  }

  private activate(): void {
    const { scores } = this;
    switch (this.spec.activation) {
      case 'none':
        return;
      case 'sigmoid':
        for (let i = 0; i < scores.length; i++) scores[i] = 1 / (1 + Math.exp(-at(scores, i)));
        return;
      case 'softmax': {
        let max = -Infinity;
        for (let i = 0; i < scores.length; i++) if (at(scores, i) > max) max = at(scores, i);
        let sum = 0;
        for (let i = 0; i < scores.length; i++) sum += scores[i] = Math.exp(at(scores, i) - max);
        for (let i = 0; i < scores.length; i++) scores[i] = at(scores, i) / sum;
      }
    }
  }
}

function at(values: Float64Array, i: number): number {
  return values[i] ?? 0;
}

/** Up to so many, an insertion into those found so far is quicker than sorting all. */
const MAX_INSERTED = 32;

/** Places of the `count` highest values, highest first; of equal ones the first comes first. */
function highest(values: Float64Array, count: number): number[] {
  if (count > MAX_INSERTED) {
    const all = Array.from(values, (_, i) => i).sort((a, b) => at(values, b) - at(values, a));
    return all.slice(0, count);
  }
  const best: number[] = [];
  let least = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = at(values, i);
    if (best.length === count && value <= least) continue;
    let place = Math.min(best.length, count - 1);
    for (; place > 0 && at(values, best[place - 1] ?? 0) < value; place--) {
      best[place] = best[place - 1] ?? 0;
    }
    best[place] = i;
    least = at(values, best.at(-1) ?? 0);
  }
  return best;
}
