import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FILTERS } from './enlarge.js';
import { planAxis, targetOf } from './image.geometry.js';

const square = { width: 224, height: 224, shortest_side: undefined };

describe('targetOf', () => {
  it.each([
    ['letterbox', { ...square, fit: 'contain' }, [640, 427], [0, 37, 224, 149]],
    ['letterbox, enlarged', { ...square, fit: 'contain' }, [10, 20], [56, 0, 112, 224]],
    ['letterbox of a line', { ...square, fit: 'contain' }, [5000, 1], [0, 111, 224, 1]],
    // What torchvision gives: int(256 * 640 / 427) is 383, and round((383 - 224) / 2) is 80.
    [
      'torchvision',
      { ...square, fit: 'cover', shortest_side: 256 },
      [640, 427],
      [-80, -16, 383, 256],
    ],
    // A half goes to the even side: round(0.5) is 0, round(1.5) is 2.
    ['torchvision, half', { ...square, fit: 'cover' }, [225, 224], [0, 0, 225, 224]],
    ['torchvision, one and a half', { ...square, fit: 'cover' }, [224, 227], [0, -2, 224, 227]],
    ['cover', { ...square, width: 100, fit: 'cover' }, [100, 448], [0, -112, 100, 448]],
    ['fill', { ...square, fit: 'fill' }, [7, 9000], [0, 0, 224, 224]],
  ] as const)('%s', (_name, spec, [width, height], expected) => {
    const { left, top, ...size } = targetOf(spec, { width, height });
    expect([left + 0, top + 0, size.width, size.height]).toEqual(expected);
  });

  it('covers all of the canvas, or lies within it', () => {
    const side = fc.integer({ min: 1, max: 5000 });
    const canvas = fc.integer({ min: 1, max: 600 });
    fc.assert(
      fc.property(side, side, canvas, canvas, (width, height, w, h) => {
        const size = { width: w, height: h, shortest_side: undefined };
        const covering = targetOf({ ...size, fit: 'cover' }, { width, height });
        expect(covering.left).toBeLessThanOrEqual(0);
        expect(covering.left + covering.width).toBeGreaterThanOrEqual(w);
        expect(covering.top).toBeLessThanOrEqual(0);
        expect(covering.top + covering.height).toBeGreaterThanOrEqual(h);
        const contained = targetOf({ ...size, fit: 'contain' }, { width, height });
        expect(contained.left).toBeGreaterThanOrEqual(0);
        expect(contained.left + contained.width).toBeLessThanOrEqual(w);
        expect(contained.top).toBeGreaterThanOrEqual(0);
        expect(contained.top + contained.height).toBeLessThanOrEqual(h);
      }),
    );
  });
});

describe('planAxis', () => {
  const { support } = FILTERS.lanczos;

  it('takes all of a line that shrinks, and keeps what is seen', () => {
    const plan = planAxis({ start: 10, length: 900 }, { start: -50, length: 300 }, 200, support);
    expect(plan).toEqual({ start: 10, length: 900, shrunk: 300, first: 50, count: 200 });
  });

  it('takes what is seen of a line that keeps its size', () => {
    const plan = planAxis({ start: 10, length: 300 }, { start: -50, length: 300 }, 200, support);
    expect(plan).toEqual({ start: 60, length: 200, shrunk: 200, first: 0, count: 200 });
  });

  it('takes little more than what is seen of a line that grows', () => {
    const target = { start: -500_000, length: 1_000_000 };
    const plan = planAxis({ start: 0, length: 10_000 }, target, 200, support);
    expect(plan).toMatchObject({ start: 4996, length: 10, count: 10, shrunk: 10 });
    expect(plan.enlarged).toEqual({
      from: 10_000,
      to: 1_000_000,
      first: 500_000,
      count: 200,
      offset: 4996,
    });
  });
});
