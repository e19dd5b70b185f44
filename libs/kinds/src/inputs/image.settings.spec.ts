import { describe, expect, it } from '@jest/globals';
import { imageSettings } from './image.settings.js';

const plain = { kind: 'image', width: 8, height: 8, channels: 'rgb' };

describe('imageSettings', () => {
  it('fills in numbers for every channel', () => {
    expect(imageSettings.parse(plain)).toMatchObject({
      dtype: 'float32',
      fit: 'fill',
      interpolation: 'bilinear',
      background: [0, 0, 0],
      scale: 1 / 255,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    });
    const grey = { ...plain, channels: 'grayscale', background: 114 };
    expect(imageSettings.parse(grey)).toMatchObject({ background: [114], mean: [0], std: [1] });
  });

  it('takes what manifests said before there was more to say', () => {
    const digits = { layout: 'flat', fit: 'fill', scale: 0.0039, mean: [0.3], std: [0.4] };
    const said = { ...plain, channels: 'grayscale', ...digits };
    expect(imageSettings.parse(said)).toMatchObject(said);
  });

  it.each([
    [{ mean: [0] }, 'mean', 'one number a channel'],
    [{ std: [1, 1] }, 'std', 'one number a channel'],
    [{ std: [1, 0, 1] }, 'std', 'above 0'],
    [{ background: [1, 2] }, 'background', 'one number a channel'],
    [{ background: 256 }, 'background', ''],
    [{ dtype: 'uint8', scale: 1 }, 'scale', 'stay as they are'],
    [{ dtype: 'uint8', mean: [0, 0, 0] }, 'mean', 'stay as they are'],
    [{ shortest_side: 9 }, 'shortest_side', 'only with fit: cover'],
    [{ fit: 'cover', shortest_side: 7 }, 'shortest_side', 'not be below'],
    [{ interpolation: 'nearest' }, 'interpolation', ''],
    [{ width: 0 }, 'width', ''],
  ])('refuses %p', (change, field, message) => {
    const { error } = imageSettings.safeParse({ ...plain, ...change });
    expect(error?.issues[0]?.path[0]).toBe(field);
    expect(error?.issues[0]?.message).toContain(message);
  });
});
