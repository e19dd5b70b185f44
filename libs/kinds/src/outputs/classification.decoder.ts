import type { ClassificationOutput, TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor } from '../graph.js';
import { type Batch, sizeOf } from '../tensors.js';
import { activate, at } from './activation.js';
import type { CallParameters, OutputDecoder, PredictionObserver } from '../output-kind.js';
import { highest } from './ranking.js';
import { round } from './rounding.js';

/** Most decimals for which the text of every confidence is kept once it was made. */
const MAX_KEPT_DECIMALS = 4;

const NOT_FINITE = 'the model gave scores that are not finite numbers';

/** Scores per class → the label, or all labels that apply, with all `probabilities` or the best `top_k`. */
export class ClassificationDecoder implements OutputDecoder {
  readonly tensors: readonly [string];
  /** Labels as they stand in JSON. */
  private readonly labels: string[];
  /** In place of a label that is not confident enough. */
  private readonly unknown: string;
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
    if (typeof classes === 'number' && !this.fits(classes)) {
      throw new ManifestMismatch(
        `model.yaml has ${String(spec.labels.length)} labels, but the graph's ${tensor.name} has ${String(classes)} scores`,
      );
    }
    this.tensors = [tensor.name];
    this.labels = spec.labels.map((label) => JSON.stringify(label));
    this.unknown = JSON.stringify(spec.unknown_label ?? null);
    this.scores = new Float64Array(spec.labels.length);
  }

  decode(outputs: Batch, row: number, parameters: CallParameters): string {
    const { scores } = this;
    this.read(outputs, row);
    const count = parameters.top_k ?? this.spec.top_k;
    if (count !== undefined) {
      // Ranked by the exact scores: rounding can make two of them equal.
      const ranked = highest(scores, count);
      const best = ranked.map((i) => `{${this.entry(i)}}`);
      return `{${this.answer(ranked[0] ?? 0)},"top_k":[${best.join(',')}]}`;
    }
    let best = 0;
    let all = '';
    for (let i = 0; i < scores.length; i++) {
      if (at(scores, i) > at(scores, best)) best = i;
      all += `${i === 0 ? '' : ','}${this.labels[i] ?? ''}:${this.confidence(i)}`;
    }
    return `{${this.answer(best)},"probabilities":{${all}}}`;
  }

  /** @param best place of the highest score. */
  private answer(best: number): string {
    const { multi_label: multiLabel, thresholds, min_confidence: least } = this.spec;
    if (multiLabel) return `"labels":[${this.reaching(thresholds ?? []).join(',')}]`;
    const chosen = this.choose(best);
    if (least === undefined || at(this.scores, chosen) >= least) return this.entry(chosen);
    return `"label":${this.unknown},"confidence":${this.confidence(chosen)}`;
  }

  private choose(best: number): number {
    const [threshold] = this.spec.thresholds ?? [];
    return threshold === undefined ? best : Number(at(this.scores, 1) >= threshold);
  }

  /** Highest first. */
  private reaching(thresholds: readonly number[]): string[] {
    return highest(this.scores, this.scores.length)
      .filter((i) => at(this.scores, i) >= (thresholds[i] ?? 0))
      .map((i) => `{${this.entry(i)}}`);
  }

  tell(observer: PredictionObserver): void {
    // Labels that do not exclude each other are no distribution over classes.
    if (this.spec.multi_label) return;
    const { scores } = this;
    let best = 0;
    for (let i = 1; i < scores.length; i++) if (at(scores, i) > at(scores, best)) best = i;
    observer.classified(this.choose(best), scores);
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
    if (!this.fits(given)) {
      throw new ManifestMismatch(
        `model.yaml has ${String(scores.length)} labels, but the graph gave ${String(given)} scores`,
      );
    }
    const data = output?.data ?? [];
    const first = scores.length - given;
    for (let i = 0; i < given; i++) {
      const score = Number(data[row * given + i]);
      if (!Number.isFinite(score)) {
        throw new InstanceError(NOT_FINITE);
      }
      scores[first + i] = score;
    }
    activate(scores, this.spec);
    // A very low temperature makes infinities of them.
    if (Number.isNaN(scores[first])) throw new InstanceError(NOT_FINITE);
    if (first === 1) scores[0] = 1 - at(scores, 1);
  }

  /** One score for each label; or, of two that exclude each other, that of the second. */
  private fits(count: number): boolean {
    const { labels, activation, multi_label: multiLabel } = this.spec;
    if (count === labels.length) return true;
    return count === 1 && labels.length === 2 && activation !== 'softmax' && multiLabel !== true;
  }
}
