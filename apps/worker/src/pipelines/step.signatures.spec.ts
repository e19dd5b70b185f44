import { describe, expect, it } from '@jest/globals';
import type { TensorInfo } from '#libs/contracts';
import type { ServedVersion } from '../served.version.js';
import { StepSignatures } from './step.signatures.js';

interface Looked extends ServedVersion {
  /** How often its report was read. */
  looks: () => number;
}

/** A version whose graph takes rows of so many numbers. @param content undefined: it was never opened. */
function versionOf(width: number, content?: string): Looked {
  const inputs: TensorInfo[] = [{ name: 'x', dtype: 'float32', shape: ['n', width] }];
  const tensors = content === undefined ? undefined : { inputs, outputs: [] };
  let looks = 0;
  const version = {
    content,
    looks: () => looks,
    get report() {
      looks++;
      return { input: { kind: 'tensor' }, batching: { max_batch_size: 8 }, tensors };
    },
  };
  return version as unknown as Looked;
}

describe('StepSignatures', () => {
  it('tells models that take the same from those that do not', () => {
    const sut = new StepSignatures();
    expect(sut.areAlike(versionOf(3, 'a'), versionOf(3, 'b'))).toBe(true);
    expect(sut.areAlike(versionOf(3, 'a'), versionOf(4, 'c'))).toBe(false);
  });

  it('takes none for alike before their graphs were opened', () => {
    const sut = new StepSignatures();
    expect(sut.areAlike(versionOf(3), versionOf(4))).toBe(false);
    expect(sut.areAlike(versionOf(3, 'a'), versionOf(4))).toBe(false);
  });

  it('compares each pair of an ensemble once', () => {
    const sut = new StepSignatures();
    const head = versionOf(3, 'a');
    const members = [versionOf(3, 'b'), versionOf(4, 'c')];
    for (let job = 0; job < 5; job++) for (const member of members) sut.areAlike(head, member);
    expect(members.map(({ looks }) => looks())).toEqual([1, 1]);
  });
});
