import { z } from 'zod';
import {
  isRecord,
  MODEL_NAME,
  type PipelineSpec,
  type PipelineStep,
  VERSION_NAME,
} from '#libs/contracts';
import { aboveZero, finite } from '#libs/kinds';
import { faultsOf } from './pipeline-faults.js';

const MAX_STEPS = 16;
const MAX_LIMIT = 1000;

const modelStep = z.strictObject({
  model: z.string().regex(MODEL_NAME, 'must be the name of a model'),
  version: z
    .union([z.string(), z.number().int()])
    .transform(String)
    .refine((version) => VERSION_NAME.test(version), 'versions are positive integers')
    .optional(),
  for_each: z.string().optional(),
  at_least: z.record(z.string(), finite).optional(),
  limit: z.number().int().min(1).max(MAX_LIMIT).optional(),
  input: z.json().optional(),
  parameters: z.record(z.string(), z.json()).default({}),
});

const averageStep = z.strictObject({
  average: z.array(z.string()).min(2).max(MAX_STEPS),
  weights: z.array(aboveZero).optional(),
});

/** Told by its fields which of the two it is, so that complaints are about that one. */
const step = z.unknown().transform((value, context): PipelineStep => {
  const schema = isRecord(value) && 'average' in value ? averageStep : modelStep;
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  for (const issue of read.error.issues) {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
    const path = [...issue.path, ...unknown].map((part) => (typeof part === 'symbol' ? '' : part));
    context.addIssue({ code: 'custom', message: issue.message, path });
  }
  return z.NEVER;
});

/** `pipeline` of a model.yaml. References lead to steps further up only, so that there is no circle. */
export const pipelineSchema: z.ZodType<PipelineSpec> = z
  .strictObject({
    steps: z.record(z.string(), step).refine(
      (steps) => {
        const count = Object.keys(steps).length;
        return count > 0 && count <= MAX_STEPS;
      },
      `there must be 1 to ${String(MAX_STEPS)} steps`,
    ),
    output: z.json().optional(),
  })
  .superRefine((pipeline, context) => {
    for (const { path, message } of faultsOf(pipeline)) {
      context.addIssue({ code: 'custom', path, message });
    }
  });
