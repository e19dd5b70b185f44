import { type PointedError, ProblemError } from '#libs/contracts';
import { requireOnly } from '../graph.js';
import type { InputKind, WithInput } from '../input-kind.js';
import { imageComplaint } from './image-format.js';
import { ImageEncoder } from './image.encoder.js';
import {
  CROPPED_SCHEMA,
  cropComplaint,
  type ImageInstance,
  PICTURE_SCHEMA,
  textOf,
} from './image.instance.js';
import { type ImageInput, imageSettings } from './image.settings.js';

/** Pictures, or parts of them. */
export const image: InputKind<ImageInput> = {
  settings: imageSettings,
  takesFiles: true,
  fileProperty: 'image',

  schema() {
    return CROPPED_SCHEMA;
  },

  shortSchema() {
    return PICTURE_SCHEMA;
  },

  checker() {
    return (instance, at) => check(instance as ImageInstance, at);
  },

  async openEncoder({ input }: WithInput<ImageInput>, inputs) {
    return requireOnly(await ImageEncoder.open(input, inputs), inputs);
  },
};

/** @throws ProblemError of its own for a picture that could be decoded, and is not to be. */
function check(instance: ImageInstance, at: string): PointedError[] {
  const crop = cropComplaint(instance, at);
  if (crop) return [crop];
  const complaint = imageComplaint(textOf(instance));
  if (complaint === null) return [];
  const pointer = typeof instance === 'string' ? at : `${at}/image`;
  const errors = [{ pointer, message: complaint.message }];
  if (complaint.code === 'invalid-input') return errors;
  throw new ProblemError(complaint.code, 'Send another picture; see errors.', { errors });
}
