import { describe, expect, it } from '@jest/globals';
import { visibleGpus } from './gpus.js';

describe('visibleGpus', () => {
  it.each([
    ['all that are installed', undefined, 4],
    ['none of an empty list', '', 0],
    ['none before -1', '-1', 0],
    ['those before -1', '2,-1,3', 1],
    ['those listed', '0, 3', 2],
    ['those before one that is not there', '0,7,1', 1],
    ['those named by UUID', 'GPU-8932f937,GPU-5a1b', 2],
    ['one slice', 'MIG-1,MIG-2', 1],
  ])('counts %s', (_what, visibleDevices, count) => {
    expect(visibleGpus(4, visibleDevices)).toBe(count);
  });

  it('counts none where there is none', () => {
    expect(visibleGpus(0, '0')).toBe(0);
    expect(visibleGpus(0, 'MIG-1')).toBe(0);
  });
});
