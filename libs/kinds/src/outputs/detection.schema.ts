import { z } from 'zod';
import { DEFAULT_DECIMALS, decimals, text } from '../settings.js';

const share = z.number().min(0).max(1);

export const detectionOutput = z
  .strictObject({
    kind: z.literal('detection'),
    tensor: text.optional(),
    transposed: z.boolean().default(false),
    objectness: z.boolean().default(false),
    boxes_tensor: text.optional(),
    scores_tensor: text.optional(),
    labels_tensor: text.optional(),
    box_format: z.enum(['xyxy', 'xywh', 'cxcywh']),
    box_units: z.enum(['pixels', 'relative']).default('pixels'),
    activation: z.enum(['none', 'softmax', 'sigmoid']).default('none'),
    labels: z.array(text).min(1).optional(),
    /** What the file says, see `ManifestDocument`. */
    labels_file: z.array(text).min(1).optional(),
    background_label: text.optional(),
    score_threshold: share.default(0.25),
    iou_threshold: share.default(0.45),
    max_detections: z.number().int().min(1).max(1000).default(100),
    decimals: decimals.default(DEFAULT_DECIMALS),
  })
  .transform(({ labels: listed, labels_file: fromFile, ...output }, context) => {
    const complain = (message: string, path: string) => {
      context.addIssue({ code: 'custom', message, path: [path] });
    };
    const labels = listed ?? fromFile ?? [];
    const { boxes_tensor: boxes, scores_tensor: scores, labels_tensor: classes } = output;
    if (!listed === !fromFile) complain('either labels or labels_file is needed', 'labels');
    if (output.background_label !== undefined && !labels.includes(output.background_label)) {
      complain('must be one of the labels', 'background_label');
    }
    if ((boxes === undefined) !== (scores === undefined)) {
      complain('boxes_tensor and scores_tensor go together', 'boxes_tensor');
    }
    if (boxes === undefined && classes !== undefined) {
      complain('only with boxes_tensor and scores_tensor', 'labels_tensor');
    }
    if (boxes !== undefined && output.tensor !== undefined) {
      complain('either one tensor, or boxes_tensor and scores_tensor', 'tensor');
    }
    for (const name of ['transposed', 'objectness'] as const) {
      if (boxes !== undefined && output[name]) complain('only where one tensor has all', name);
    }
    if (classes !== undefined && output.activation === 'softmax') {
      complain('a single score for each box is no share', 'activation');
    }
    return { ...output, labels };
  });

/** Boxes and scores → labels, scores and boxes in the pixels of the picture that was sent. */
export type DetectionOutput = z.infer<typeof detectionOutput>;
