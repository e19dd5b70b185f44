import { z } from 'zod';

const finite = z.number().refine(Number.isFinite, 'must be finite');
const std = finite.refine((value) => value > 0, 'must be above 0');
const decimals = z.number().int().min(0).max(15);
const size = z.number().int().min(1).max(4096);
const text = z.string().min(1);

const tabularField = z
  .strictObject({
    name: text,
    description: text.optional(),
    unit: text.optional(),
    minimum: finite.optional(),
    maximum: finite.optional(),
    mean: finite.default(0),
    std: std.default(1),
  })
  .refine((f) => f.minimum === undefined || f.maximum === undefined || f.minimum <= f.maximum, {
    message: 'minimum must not be above maximum',
    path: ['minimum'],
  });

const tabularInput = z.strictObject({
  kind: z.literal('tabular'),
  tensor: text.optional(),
  fields: z
    .array(tabularField)
    .min(1)
    .refine((fields) => new Set(fields.map((f) => f.name)).size === fields.length, {
      message: 'field names must differ',
    }),
});

const imageInput = z
  .strictObject({
    kind: z.literal('image'),
    tensor: text.optional(),
    width: size,
    height: size,
    channels: z.enum(['grayscale', 'rgb']),
    layout: z.enum(['nchw', 'nhwc', 'flat']).default('nchw'),
    fit: z.enum(['fill', 'cover', 'contain']).default('fill'),
    scale: finite.default(1 / 255),
    mean: z.array(finite).optional(),
    std: z.array(std).optional(),
  })
  .transform((input) => {
    const channels = input.channels === 'rgb' ? 3 : 1;
    return {
      ...input,
      mean: input.mean ?? Array<number>(channels).fill(0),
      std: input.std ?? Array<number>(channels).fill(1),
    };
  })
  .refine((i) => [i.mean, i.std].every((v) => v.length === (i.channels === 'rgb' ? 3 : 1)), {
    message: 'mean and std need one number a channel',
    path: ['mean'],
  });

const classificationOutput = z
  .strictObject({
    kind: z.literal('classification'),
    tensor: text.optional(),
    activation: z.enum(['none', 'softmax', 'sigmoid']).default('none'),
    labels: z.array(text).min(1),
    top_k: z.number().int().min(1).optional(),
    decimals: decimals.default(4),
  })
  .refine((o) => new Set(o.labels).size === o.labels.length, {
    message: 'labels must differ',
    path: ['labels'],
  })
  .refine((o) => o.top_k === undefined || o.top_k <= o.labels.length, {
    message: 'must not be above the number of labels',
    path: ['top_k'],
  });

const regressionOutput = z.strictObject({
  kind: z.literal('regression'),
  tensor: text.optional(),
  mean: finite.default(0),
  std: std.default(1),
  decimals: decimals.default(4),
  minimum: finite.optional(),
  maximum: finite.optional(),
  unit: text.optional(),
});

const tensor = z.strictObject({ kind: z.literal('tensor') });

/** `model.yaml`. Reference: docs/reference/model-yaml.md. */
export const manifestSchema = z.strictObject({
  description: text.optional(),
  input: z
    .discriminatedUnion('kind', [tabularInput, imageInput, tensor])
    .default({ kind: 'tensor' }),
  output: z
    .discriminatedUnion('kind', [classificationOutput, regressionOutput, tensor])
    .default({ kind: 'tensor' }),
  batching: z
    .strictObject({
      max_batch_size: z.number().int().min(0).max(4096).default(64),
      max_queue_delay_ms: z.number().min(0).max(10_000).default(2),
      padding: z
        .strictObject({
          value: finite.default(0),
          buckets: z
            .array(z.number().int().min(1).max(1_000_000))
            .min(1)
            .max(64)
            .refine((b) => b.every((length, i) => i === 0 || length > (b[i - 1] ?? 0)), {
              message: 'must ascend',
            })
            .optional(),
          mask: text.optional(),
        })
        .optional(),
    })
    .prefault({}),
  instances: z.number().int().min(1).max(64).default(1),
  threads: z.number().int().min(1).max(256).optional(),
  lifecycle: z
    .strictObject({
      preload: z.boolean().default(true),
      keep_warm: z.number().int().min(0).max(64).default(0),
      idle_unload_s: z.number().min(0).max(86_400).default(0),
    })
    .prefault({}),
  defaults: z
    .strictObject({
      queue_timeout_s: z.number().positive().max(31_536_000).optional(),
      execution_timeout_s: z.number().positive().max(86_400).optional(),
      result_ttl_s: z.number().int().min(1).max(31_536_000).optional(),
    })
    .prefault({}),
  warmup: z
    .strictObject({ batch_sizes: z.array(z.number().int().min(1).max(4096)).max(16).default([1]) })
    .prefault({}),
  versions: z
    .record(
      z.string().regex(/^[1-9][0-9]*$/, 'versions are positive integers'),
      z.strictObject({
        description: text.optional(),
        held_out: z
          .strictObject({ metric: text, value: finite, rows: z.number().int().min(1) })
          .optional(),
      }),
    )
    .default({}),
  card: z.record(z.string(), text).default({}),
});

export type Manifest = z.infer<typeof manifestSchema>;
