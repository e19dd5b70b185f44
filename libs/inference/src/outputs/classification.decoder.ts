import type { ClassificationOutput, TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor } from '../graph.js';
import { sizeOf } from '../tensors.js';
import type { CallParameters, OutputDecoder, OutputRow } from './output-decoder.js';
import { round } from './rounding.js';

/** Scores per class → `{label, confidence}` with all `probabilities`, or with the best `top_k`. */
export class ClassificationDecoder implements OutputDecoder {
  private readonly tensor: string;

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
    this.tensor = tensor.name;
  }

  decode(row: OutputRow, parameters: CallParameters): unknown {
    const { labels, decimals } = this.spec;
    const probabilities = this.activate(this.scores(row));
    const entry = (i: number) => ({
      label: labels[i] ?? '',
      confidence: round(probabilities[i] ?? 0, decimals),
    });
    // Ranked by the exact scores: rounding can make two of them equal.
    const ranked = labels
      .map((_, i) => i)
      .sort((a, b) => at(probabilities, b) - at(probabilities, a));
    const best = entry(ranked[0] ?? 0);
    const count = parameters.top_k ?? this.spec.top_k;
    if (count !== undefined) return { ...best, top_k: ranked.slice(0, count).map(entry) };
    const all = labels.map((label, i) => [label, entry(i).confidence]);
    return { ...best, probabilities: Object.fromEntries(all) as Record<string, number> };
  }

  private scores(row: OutputRow): number[] {
    const output = row[this.tensor];
    const { length } = this.spec.labels;
    const given = sizeOf(output?.shape ?? []);
    // What stands behind this row's scores are those of another caller.
    if (given !== length) {
      throw new ManifestMismatch(
        `model.yaml has ${String(length)} labels, but the graph gave ${String(given)} scores`,
      );
    }
    const scores = Array.from({ length }, (_, i) => Number(output?.data[output.offset + i]));
    if (!scores.every(Number.isFinite)) {
      throw new InstanceError('the model gave scores that are not finite numbers');
    }
    return scores;
  }

  private activate(scores: number[]): number[] {
    switch (this.spec.activation) {
      case 'none':
        return scores;
      case 'sigmoid':
        return scores.map((score) => 1 / (1 + Math.exp(-score)));
      case 'softmax': {
        const max = Math.max(...scores);
        const exps = scores.map((score) => Math.exp(score - max));
        const sum = exps.reduce((total, value) => total + value, 0);
        return exps.map((value) => value / sum);
      }
    }
  }
}

function at(values: number[], i: number): number {
  return values[i] ?? 0;
}
