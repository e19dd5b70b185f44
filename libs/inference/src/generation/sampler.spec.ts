import { describe, expect, it } from '@jest/globals';
import { Random } from './random.js';
import { Sampler, type Sampling } from './sampler.js';

const DRAWS = 4000;
const NONE: ReadonlySet<number> = new Set();

/** How often each token is drawn. */
function shares(scores: number[], sampling: Sampling, seen: number[] = []): number[] {
  const sampler = new Sampler(sampling, new Random('seed'));
  const counts = scores.map(() => 0);
  for (let i = 0; i < DRAWS; i++) {
    const token = sampler.choose(Float32Array.from(scores), new Set(seen));
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.map((count) => count / DRAWS);
}

/** The token of a nucleus as its definition says: all are sorted, of equally likely ones the first comes first. */
function ofNucleus(scores: Float32Array, topP: number, random: Random): number {
  const top = Math.max(...scores);
  const sorted = [...scores]
    .map((score, token) => ({ token, weight: Math.exp(score - top) }))
    .sort((a, b) => b.weight - a.weight || a.token - b.token);
  const total = [...scores].reduce((sum, score) => sum + Math.exp(score - top), 0);
  let share = 0;
  const nucleus = sorted.filter(({ weight }) => {
    const isIn = share < topP * total;
    if (isIn) share += weight;
    return isIn;
  });
  let left = random.next() * share;
  return (nucleus.find(({ weight }) => (left -= weight) < 0) ?? nucleus.at(-1))?.token ?? -1;
}

/** Logarithms of shares, shifted: only their differences count. */
const SHARES = [0.1, 0.4, 0.05, 0.3, 0.15];
const SCORES = SHARES.map((share) => Math.log(share) + 3);

function expectShares(drawn: number[], expected: number[]): void {
  expected.forEach((share, token) => {
    expect(Math.abs((drawn[token] ?? 0) - share)).toBeLessThan(0.03);
    if (share === 0) expect(drawn[token]).toBe(0);
  });
}

describe('Sampler', () => {
  it('at temperature 0 takes the likeliest, of several the first', () => {
    const sampler = new Sampler({ temperature: 0, topK: 2, topP: 0.1 }, new Random(''));
    expect(sampler.choose(Float32Array.of(1, 5, 5, 2), NONE)).toBe(1);
    expect(sampler.choose(Float16Array.of(-Infinity, -2, -1), NONE)).toBe(2);
  });

  it.each([Float32Array, Float16Array])('takes a penalty that is next to nothing: %p', (Type) => {
    const sampler = new Sampler({ temperature: 1, repetitionPenalty: 1e-300 }, new Random(''));
    expect(sampler.choose(Type.of(1, 5, -3), new Set([0]))).toBe(0);
    expect(sampler.choose(Type.of(1, 5, -Infinity), new Set([0, 2]))).toBe(0);
    expect(() => sampler.choose(Type.of(1, Infinity), new Set([1]))).toThrow('no token');
  });

  it.each<[string, Sampling, number[]]>([
    ['draws by share', { temperature: 1 }, SHARES],
    ['sharpens', { temperature: 0.5 }, [0.0351, 0.5614, 0.0088, 0.3158, 0.0789]],
    ['keeps the likeliest k', { temperature: 1, topK: 2 }, [0, 4 / 7, 0, 3 / 7, 0]],
    ['k of one is greedy', { temperature: 2, topK: 1 }, [0, 1, 0, 0, 0]],
    ['k of all keeps all', { temperature: 1, topK: 5 }, SHARES],
    ['keeps the nucleus', { temperature: 1, topP: 0.71 }, [0, 8 / 17, 0, 6 / 17, 3 / 17]],
    ['a nucleus has one at least', { temperature: 1, topP: 0.0001 }, [0, 1, 0, 0, 0]],
    ['the nucleus is of the k', { temperature: 1, topK: 3, topP: 0.8 }, [0, 4 / 7, 0, 3 / 7, 0]],
  ])('%s', (_name, sampling, expected) => {
    expectShares(shares(SCORES, sampling), expected);
  });

  it('makes what is there already less likely, whatever the sign of its score', () => {
    const scores = [2, -1, 1];
    const once = [Math.exp(1), Math.exp(-2), Math.exp(1)];
    const total = once.reduce((sum, weight) => sum + weight);
    const expected = once.map((weight) => weight / total);
    expectShares(shares(scores, { temperature: 1, repetitionPenalty: 2 }, [0, 1]), expected);
  });

  it.each([0.05, 0.5, 0.95, 0.999])(
    'takes the token of the nucleus of %d, also among equals',
    (topP) => {
      const [scoresOf, random, same] = ['scores', 'draw', 'draw'].map((seed) => new Random(seed));
      if (!scoresOf || !random || !same) throw new Error('unreachable');
      const sampler = new Sampler({ temperature: 1, topP }, random);
      for (let i = 0; i < 300; i++) {
        // Vocabularies shrink and grow; few different scores make many equals.
        const size = 2 + Math.floor(scoresOf.next() * 200);
        const scores = Float32Array.from(
          { length: size },
          () => Math.floor(scoresOf.next() * 12) / 2,
        );
        const expected = ofNucleus(scores, topP, same);
        expect(sampler.choose(scores, NONE)).toBe(expected);
      }
    },
  );

  it('of many equally likely tokens keeps the first k', () => {
    const drawn = shares(Array<number>(100).fill(1), { temperature: 1, topK: 3 });
    expectShares(drawn.slice(0, 3), [1 / 3, 1 / 3, 1 / 3]);
    expect(drawn.slice(3).every((share) => share === 0)).toBe(true);
  });

  it.each([
    ['not a number', [NaN, NaN]],
    ['nothing', [-Infinity, -Infinity]],
    ['beyond all', [1, Infinity]],
  ])('refuses scores that are %s', (_name, scores) => {
    const sampler = new Sampler({ temperature: 1 }, new Random(''));
    expect(() => sampler.choose(Float32Array.from(scores), NONE)).toThrow('no token');
  });
});
