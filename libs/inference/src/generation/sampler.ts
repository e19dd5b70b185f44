import type { Random } from './random.js';

/** One of each token of the vocabulary; higher is likelier. */
export type Scores = Float32Array | Float16Array | Float64Array;

export interface Sampling {
  /** 0: the likeliest token is taken each time. */
  temperature: number;
  /** So many of the likeliest tokens are drawn from. */
  topK?: number | undefined;
  /** The likeliest tokens that together have this share are drawn from. */
  topP?: number | undefined;
  /** More than 1: tokens that are there already become less likely. */
  repetitionPenalty?: number | undefined;
}

/** Chooses the tokens of one sequence. In the order of Hugging Face: penalty, temperature, top-k, top-p. */
export class Sampler {
  constructor(
    private readonly sampling: Sampling,
    private readonly random: Random,
  ) {}

  /**
   * @param scores are changed. @param seen tokens that are there already.
   * @throws Error where the graph gave none to choose from.
   */
  choose(scores: Scores, seen: ReadonlySet<number>): number {
    const { temperature, topK, topP, repetitionPenalty = 1 } = this.sampling;
    if (repetitionPenalty !== 1) penalise(scores, seen, repetitionPenalty);
    const best = likeliest(scores);
    if (temperature === 0) return best;
    const ids = topK !== undefined && topK < scores.length ? largest(scores, topK) : undefined;
    const top = scores[best] ?? 0;
    const weights = scratch(0, ids?.length ?? scores.length);
    let total = 0;
    for (let i = 0; i < weights.length; i++) {
      const weight = Math.exp(((scores[ids ? (ids[i] ?? 0) : i] ?? 0) - top) / temperature);
      weights[i] = weight;
      total += weight;
    }
    const drawn =
      topP !== undefined && topP < 1
        ? this.drawNucleus(weights, total, topP)
        : this.draw(weights, total);
    return ids?.[drawn] ?? drawn;
  }

  /** By their weights. @returns the place of one. */
  private draw(weights: Float64Array, total: number): number {
    let left = this.random.next() * total;
    let last = 0;
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i] ?? 0;
      if (weight === 0) continue;
      last = i;
      left -= weight;
      if (left < 0) break;
    }
    return last;
  }

  /** Sorts weights and not places: that takes no comparisons in JavaScript. @returns the place of one. */
  private drawNucleus(weights: Float64Array, total: number, topP: number): number {
    // All that are less likely than this cannot make up what the nucleus may lack: they need no sorting.
    const least = ((1 - topP) / weights.length) * total;
    const likely = scratch(1, weights.length);
    let size = 0;
    for (const weight of weights) {
      if (weight >= least) likely[size++] = weight;
    }
    const sorted = likely.subarray(0, size).sort().reverse();
    let share = 0;
    let count = 0;
    while (count < size && share < topP * total) share += sorted[count++] ?? 0;
    const drawn = this.draw(sorted.subarray(0, count), share);
    return placeOf(weights, sorted, drawn);
  }
}

/** Where the weight of a rank stands; of equal ones, the first has the first rank. */
function placeOf(weights: Float64Array, sorted: Float64Array, rank: number): number {
  const weight = sorted[rank] ?? 0;
  let place = weights.indexOf(weight);
  for (let equal = rank; equal > 0 && sorted[equal - 1] === weight; equal--) {
    place = weights.indexOf(weight, place + 1);
  }
  return Math.max(0, place);
}

/** Every token takes some as large as the vocabulary: all samplers share them, as each chooses in one go. */
const scratches = [new Float64Array(), new Float64Array()];

/** What stands in it is of no meaning. */
function scratch(which: 0 | 1, length: number): Float64Array {
  let known = scratches[which];
  if (!known || known.length < length) {
    known = new Float64Array(length);
    scratches[which] = known;
  }
  return known.subarray(0, length);
}

/** Largest numbers that the types of scores hold. */
const MOST = { float16: 65_504, float32: 3.4028234663852886e38 } as const;

/** As CTRL does it (https://arxiv.org/abs/1909.05858). */
function penalise(scores: Scores, seen: ReadonlySet<number>, penalty: number): void {
  const most = scores instanceof Float16Array ? MOST.float16 : MOST.float32;
  for (const id of seen) {
    const score = scores[id] ?? 0;
    // A penalty near 0 would make infinity of it, which no token could be chosen by.
    if (score > 0 && score < Infinity) scores[id] = Math.min(score / penalty, most);
    else scores[id] = score * penalty;
  }
}

/** Of several the first. */
function likeliest(scores: Scores): number {
  let best = -1;
  let top = -Infinity;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] ?? NaN;
    if (score > top) {
      best = i;
      top = score;
    }
  }
  if (best >= 0 && top < Infinity) return best;
  throw new Error('the graph gave no token a score that is a number');
}

/** The likeliest `count` tokens, of equally likely ones the first. */
function largest(scores: Scores, count: number): number[] {
  const at = (id: number): number => scores[id] ?? 0;
  let ids: number[] = [];
  let least = -Infinity;
  const cut = (): void => {
    ids = ids.sort((a, b) => at(b) - at(a) || a - b).slice(0, count);
    if (ids.length === count) least = at(ids.at(-1) ?? 0);
  };
  for (let id = 0; id < scores.length; id++) {
    // Few get this far once the first ones are in.
    if (at(id) > least) ids.push(id);
    if (ids.length === 2 * count) cut();
  }
  cut();
  return ids;
}
