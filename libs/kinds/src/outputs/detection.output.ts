import { ManifestMismatch } from '../errors.js';
import { answerSchema as object } from '../json-schema.js';
import type { OutputKind, WithOutput } from '../output-kind.js';
import { type CanvasSize, DetectionDecoder } from './detection.decoder.js';
import { type DetectionOutput, detectionOutput } from './detection.schema.js';
import { detectionTensors } from './detection.tensors.js';

type Version = WithOutput<DetectionOutput>;

const share = { type: 'number', minimum: 0, maximum: 1 };

/** What is where in a picture. */
export const detection: OutputKind<DetectionOutput> = {
  settings: detectionOutput,

  schema({ output }: Version) {
    const { labels, background_label: background, max_detections: most } = output;
    const box = {
      type: 'array',
      description:
        'x, y, width and height in pixels of the upright picture, from its upper left corner',
      items: { type: 'number', minimum: 0 },
      minItems: 4,
      maxItems: 4,
    };
    const label = { type: 'string', enum: labels.filter((each) => each !== background) };
    const score = output.activation === 'none' ? { type: 'number' } : share;
    const items = object({ label, score, box });
    return object({ detections: { type: 'array', items, maxItems: most } });
  },

  parameters({ output: { max_detections: most } }: Version) {
    return {
      score_threshold: share,
      iou_threshold: share,
      max_detections: { type: 'integer', minimum: 1, maximum: most },
    };
  },

  openDecoder({ input, output }: Version, outputs) {
    if (input.kind !== 'image') {
      throw new ManifestMismatch(`detection is of pictures, and the input is ${input.kind}`);
    }
    const canvas = input as typeof input & CanvasSize;
    return new DetectionDecoder(output, detectionTensors(output, outputs), canvas);
  },
};
