import { describe, expect, it } from '@jest/globals';
import { Random } from './random.js';

describe('Random', () => {
  it('gives what the reference implementation in C gives from the SHA-256 of the seed', () => {
    const random = new Random('7');
    const drawn = Array.from({ length: 5 }, () => random.next() * 2 ** 32);
    expect(drawn).toEqual([619842948, 3469459976, 2293665884, 3127791544, 3557126319]);
  });

  it('is the same for a seed and another for another', () => {
    expect(new Random('job/1').next()).toBe(new Random('job/1').next());
    expect(new Random('job/1').next()).not.toBe(new Random('job/2').next());
  });
});
