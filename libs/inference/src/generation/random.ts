import { createHash } from 'node:crypto';

/**
 * Chance that comes out the same for the same seed, wherever it runs: xoshiro128** 1.1 of Blackman and
 * Vigna (https://prng.di.unimi.it/xoshiro128starstar.c), from the first 128 bits of the seed's SHA-256.
 */
export class Random {
  private readonly state: Uint32Array;

  constructor(seed: string) {
    const digest = createHash('sha256').update(seed).digest();
    this.state = Uint32Array.from([0, 4, 8, 12], (at) => digest.readUInt32LE(at));
  }

  /** From 0 up to, not including, 1; 32 bits of it are chance. */
  next(): number {
    const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = this.state;
    const drawn = Math.imul(rotated(Math.imul(s1, 5), 7), 9) >>> 0;
    const a = s2 ^ s0;
    const b = s3 ^ s1;
    this.state[0] = s0 ^ b;
    this.state[1] = s1 ^ a;
    this.state[2] = a ^ (s1 << 9);
    this.state[3] = rotated(b, 11);
    return drawn / 2 ** 32;
  }
}

function rotated(bits: number, by: number): number {
  return (bits << by) | (bits >>> (32 - by));
}
