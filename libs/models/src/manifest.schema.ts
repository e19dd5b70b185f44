import { z } from 'zod';
import type { PipelineSpec } from '#libs/contracts';
import { finite, INPUT_KINDS, OUTPUT_KINDS, text } from '#libs/kinds';
import { driftSettings } from './drift.schema.js';
import { pipelineSchema } from './pipelines/pipeline.schema.js';
import { processorSchema } from './processor.schema.js';

const versionNumber = z.number().int().min(1).max(999_999_999);

const versionPolicy = z.union(
  [
    z.literal('all'),
    z.strictObject({ latest: versionNumber }),
    z.strictObject({ specific: z.array(versionNumber).min(1).max(64) }),
  ],
  { error: 'must be all, {latest: <how many>} or {specific: [<version>, …]}' },
);
export type VersionPolicy = z.infer<typeof versionPolicy>;

/** The policy of a manifest that has not been validated yet: `all` where it says none that is valid. */
export function versionPolicyOf(manifest: unknown): VersionPolicy {
  const declared = z.object({ version_policy: versionPolicy.default('all') }).safeParse(manifest);
  return declared.data?.version_policy ?? 'all';
}

/** Those of every kind, one of which a manifest has. */
function settingsOf<S>(kinds: Record<string, { settings: S }>): [S, ...S[]] {
  return Object.values(kinds).map(({ settings }) => settings) as [S, ...S[]];
}

const manifest = z.strictObject({
  description: text.optional(),
  version_policy: versionPolicy.default('all'),
  default_version: versionNumber.optional(),
  input: z.discriminatedUnion('kind', settingsOf(INPUT_KINDS)).default({ kind: 'tensor' }),
  output: z.discriminatedUnion('kind', settingsOf(OUTPUT_KINDS)).default({ kind: 'tensor' }),
  processor: processorSchema.optional(),
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
  cache_ttl_s: z.number().positive().max(31_536_000).optional(),
  cache_shared: z.boolean().optional(),
  cache_max_entries: z.number().int().min(1).max(10_000_000).optional(),
  warmup: z
    .strictObject({ batch_sizes: z.array(z.number().int().min(1).max(4096)).max(16).default([1]) })
    .prefault({}),
  drift: driftSettings,
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

/** `model.yaml`. Reference: docs/reference/model-yaml.md. */
export const manifestSchema = manifest.refine(
  ({ version_policy: policy, default_version: version }) =>
    version === undefined ||
    typeof policy === 'string' ||
    !('specific' in policy) ||
    policy.specific.includes(version),
  { message: 'must be one of version_policy.specific', path: ['default_version'] },
);

/** `model.yaml` of a pipeline: what is said of graphs and runners is that of the models of its steps. */
export const pipelineManifestSchema = manifest
  .pick({
    description: true,
    defaults: true,
    cache_ttl_s: true,
    cache_shared: true,
    cache_max_entries: true,
    versions: true,
    card: true,
  })
  .extend({ pipeline: pipelineSchema })
  .transform((said): Manifest => ({ ...manifest.parse({}), ...said, drift: false }));

export type Manifest = z.infer<typeof manifest> & { pipeline?: PipelineSpec };
