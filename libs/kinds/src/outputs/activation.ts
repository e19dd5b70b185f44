import type { ClassificationOutput } from '#libs/contracts';

/** Makes raw scores into what `activation` says, in place. */
export function activate(
  scores: Float64Array,
  { activation, temperature = 1 }: Pick<ClassificationOutput, 'activation' | 'temperature'>,
): void {
  if (activation === 'none') return;
  if (temperature !== 1)
    for (let i = 0; i < scores.length; i++) scores[i] = at(scores, i) / temperature;
  if (activation === 'sigmoid') {
    for (let i = 0; i < scores.length; i++) scores[i] = 1 / (1 + Math.exp(-at(scores, i)));
    return;
  }
  let max = -Infinity;
  for (let i = 0; i < scores.length; i++) if (at(scores, i) > max) max = at(scores, i);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += scores[i] = Math.exp(at(scores, i) - max);
  for (let i = 0; i < scores.length; i++) scores[i] = at(scores, i) / sum;
}

export function at(values: Float64Array, i: number): number {
  return values[i] ?? 0;
}
