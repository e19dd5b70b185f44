import { z } from 'zod';
import { aboveZero, decimals, DEFAULT_DECIMALS, finite, text } from '../settings.js';

export const classificationOutput = z
  .strictObject({
    kind: z.literal('classification'),
    tensor: text.optional(),
    activation: z.enum(['none', 'softmax', 'sigmoid']).default('none'),
    temperature: aboveZero.optional(),
    labels: z.array(text).min(1).optional(),
    /** What the file says, see `ManifestDocument`. */
    labels_file: z.array(text).min(1).optional(),
    multi_label: z.boolean().default(false),
    threshold: z.union([finite, z.record(z.string(), finite)]).optional(),
    min_confidence: finite.optional(),
    unknown_label: text.optional(),
    top_k: z.number().int().min(1).optional(),
    decimals: decimals.default(DEFAULT_DECIMALS),
  })
  .transform(({ labels: listed, labels_file: fromFile, threshold, ...output }, context) => {
    const complain = (message: string, path: string) => {
      context.addIssue({ code: 'custom', message, path: [path] });
    };
    const labels = listed ?? fromFile ?? [];
    const { multi_label: multiLabel, activation, min_confidence: least } = output;
    if (!listed === !fromFile) complain('either labels or labels_file is needed', 'labels');
    if (new Set(labels).size !== labels.length) {
      complain('labels must differ', listed ? 'labels' : 'labels_file');
    }
    if ((output.top_k ?? 0) > labels.length) {
      complain('must not be above the number of labels', 'top_k');
    }
    if (multiLabel && activation === 'softmax') {
      complain('scores that are shared out among the labels cannot say several', 'multi_label');
    }
    if (output.temperature !== undefined && activation === 'none') {
      complain('only with an activation', 'temperature');
    }
    if (multiLabel && least !== undefined) complain('not with multi_label', 'min_confidence');
    if (output.unknown_label !== undefined && least === undefined) {
      complain('only with min_confidence', 'unknown_label');
    }
    if (output.unknown_label !== undefined && labels.includes(output.unknown_label)) {
      complain('must be none of the labels', 'unknown_label');
    }
    if (!multiLabel && threshold !== undefined && labels.length !== 2) {
      complain('only for two labels, or with multi_label', 'threshold');
    }
    if (!multiLabel && typeof threshold === 'object') {
      complain('a number for each label only with multi_label', 'threshold');
    }
    const stranger = Object.keys(typeof threshold === 'object' ? threshold : {}).find(
      (label) => !labels.includes(label),
    );
    if (stranger !== undefined) complain(`${stranger} is none of the labels`, 'threshold');
    const thresholds = thresholdsOf(labels, multiLabel, threshold);
    return { ...output, labels, ...(thresholds && { thresholds }) };
  });

const DEFAULT_THRESHOLD = 0.5;

function thresholdsOf(
  labels: string[],
  multiLabel: boolean,
  threshold: number | Record<string, number> | undefined,
): number[] | undefined {
  if (!multiLabel) return typeof threshold === 'number' ? [threshold] : undefined;
  const of = typeof threshold === 'object' ? new Map(Object.entries(threshold)) : undefined;
  const rest = typeof threshold === 'number' ? threshold : DEFAULT_THRESHOLD;
  return labels.map((label) => of?.get(label) ?? rest);
}
