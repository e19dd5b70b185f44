import { describe, expect, it } from '@jest/globals';
import { threadsFor } from './threads.js';

describe('threadsFor', () => {
  it.each([
    ['shares the cores out', { cores: 8, instances: 2, configured: 0 }, 4],
    ['rounds down', { cores: 8, instances: 3, configured: 0 }, 2],
    ['takes what is configured', { cores: 8, instances: 2, configured: 3 }, 3],
    ['prefers what is declared', { cores: 8, instances: 2, configured: 3, declared: 1 }, 1],
    ['prefers it upwards too', { cores: 8, instances: 2, configured: 1, declared: 4 }, 4],
    ['reduces what is configured', { cores: 8, instances: 4, configured: 16 }, 2],
    ['reduces what is declared', { cores: 2, instances: 1, configured: 0, declared: 8 }, 2],
    ['gives one at least', { cores: 2, instances: 5, configured: 0 }, 1],
  ])('%s', (_what, of, threads) => {
    expect(threadsFor(of)).toBe(threads);
  });
});
