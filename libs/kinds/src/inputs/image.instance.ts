import type { PointedError } from '#libs/contracts';
import { InstanceError } from '../errors.js';
import type { JsonSchema } from '../json-schema.js';
import type { Rectangle } from '../placement.js';

/** What callers send: a picture as text, or such a text and the part of the picture that counts. */
export type ImageInstance = string | { image: string; crop?: [number, number, number, number] };

const picture = {
  type: 'string',
  contentEncoding: 'base64',
  description:
    'JPEG, PNG, WebP, AVIF or GIF: base64, a data URI or a URL; or upload it as multipart/form-data',
};

export const PICTURE_SCHEMA: JsonSchema = picture;

export const CROPPED_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    image: picture,
    crop: {
      type: 'array',
      description:
        'x, y, width and height of the part that counts, in pixels of the upright picture',
      items: { type: 'number', minimum: 0 },
      minItems: 4,
      maxItems: 4,
    },
  },
  required: ['image'],
  additionalProperties: false,
};

export function textOf(instance: ImageInstance): string {
  return typeof instance === 'string' ? instance : instance.image;
}

/** What of a crop no schema says, and no picture is needed to see. */
export function cropComplaint(instance: ImageInstance, at: string): PointedError | null {
  if (typeof instance === 'string' || !instance.crop) return null;
  const side = [2, 3].find((i) => instance.crop?.[i] === 0);
  return side === undefined
    ? null
    : { pointer: `${at}/crop/${String(side)}`, message: 'must be above 0' };
}

/**
 * The part of a picture that counts, its edges at whole pixels.
 * @param size of the upright picture. @throws InstanceError where it has no such part.
 */
export function regionOf(
  instance: ImageInstance,
  { width, height }: { width: number; height: number },
): Rectangle {
  if (typeof instance === 'string' || !instance.crop) return { left: 0, top: 0, width, height };
  const [x, y, across, down] = instance.crop;
  const [left, top] = [Math.round(x), Math.round(y)];
  const region = {
    left,
    top,
    width: Math.round(x + across) - left,
    height: Math.round(y + down) - top,
  };
  const size = `${String(width)} × ${String(height)}`;
  if (region.width < 1 || region.height < 1) {
    throw new InstanceError('the crop has no whole pixel');
  }
  if (left + region.width > width || top + region.height > height) {
    throw new InstanceError(`the crop reaches beyond the image, which has ${size} pixels`);
  }
  return region;
}
