import { z } from 'zod';
import { aboveZero, finite, text } from '../settings.js';

const size = z.number().int().min(1).max(4096);
const level = z.number().int().min(0).max(255);

/** Numbers for each channel, in the order of the channels. */
export function channelsOf({ channels }: { channels: 'grayscale' | 'rgb' | 'bgr' }): 1 | 3 {
  return channels === 'grayscale' ? 1 : 3;
}

export const imageSettings = z
  .strictObject({
    kind: z.literal('image'),
    tensor: text.optional(),
    width: size,
    height: size,
    channels: z.enum(['grayscale', 'rgb', 'bgr']),
    layout: z.enum(['nchw', 'nhwc', 'flat']).default('nchw'),
    dtype: z.enum(['float32', 'uint8']).default('float32'),
    fit: z.enum(['fill', 'cover', 'contain']).default('fill'),
    shortest_side: size.optional(),
    interpolation: z.enum(['bilinear', 'bicubic', 'lanczos']).default('bilinear'),
    background: z.union([level, z.array(level)]).default(0),
    scale: finite.optional(),
    mean: z.array(finite).optional(),
    std: z.array(aboveZero).optional(),
  })
  .transform((input, context) => {
    const complain = (message: string, path: string) => {
      context.addIssue({ code: 'custom', message, path: [path] });
    };
    const channels = channelsOf(input);
    const { background, mean, std, scale, dtype, shortest_side: side } = input;
    for (const [name, value] of Object.entries({ mean, std, background })) {
      if (Array.isArray(value) && value.length !== channels) {
        complain(`needs one number a channel, ${String(channels)}`, name);
      }
    }
    for (const [name, value] of Object.entries({ scale, mean, std })) {
      if (dtype === 'uint8' && value !== undefined)
        complain('pixels of uint8 stay as they are', name);
    }
    if (side !== undefined && input.fit !== 'cover')
      complain('only with fit: cover', 'shortest_side');
    if (side !== undefined && side < Math.max(input.width, input.height)) {
      complain('must not be below width and height', 'shortest_side');
    }
    const each = (value: number) => Array<number>(channels).fill(value);
    return {
      ...input,
      background: typeof background === 'number' ? each(background) : background,
      scale: scale ?? 1 / 255,
      mean: mean ?? each(0),
      std: std ?? each(1),
    };
  });

/** One picture → per channel `(pixel × scale - mean) / std`, or its pixels as they are. */
export type ImageInput = z.infer<typeof imageSettings>;
