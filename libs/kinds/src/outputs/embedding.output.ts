import { z } from 'zod';
import type { VersionDescription } from '#libs/contracts';
import { answerSchema, type JsonSchema } from '../json-schema.js';
import type { OutputKind } from '../output-kind.js';
import { text } from '../settings.js';
import { EmbeddingDecoder } from './embedding.decoder.js';

const settings = z.strictObject({
  kind: z.literal('embedding'),
  tensor: text.optional(),
  pooling: z.enum(['mean', 'cls', 'last_token', 'none']).default('mean'),
  normalize: z.boolean().default(true),
  min_dimensions: z.number().int().min(1).max(1_000_000).optional(),
});

/** Vectors of tokens, or one that the graph has made of them → one vector, of length 1 where `normalize` is set. */
export type EmbeddingOutput = z.infer<typeof settings>;

export const embedding: OutputKind<EmbeddingOutput> = {
  settings,

  schema(): JsonSchema {
    return answerSchema({
      embedding: {
        anyOf: [
          { type: 'array', items: { type: 'number' }, minItems: 1 },
          {
            type: 'string',
            contentEncoding: 'base64',
            description: 'little-endian float32, where encoding_format is base64',
          },
        ],
      },
    });
  },

  parameters(version) {
    const { min_dimensions: minimum } = version.output;
    const maximum = widthOf(version);
    return {
      encoding_format: { type: 'string', enum: ['float', 'base64'] },
      ...(minimum !== undefined && {
        dimensions: { type: 'integer', minimum, ...(maximum !== undefined && { maximum }) },
      }),
    };
  },

  openDecoder({ output }, outputs) {
    return new EmbeddingDecoder(output, outputs);
  },
};

/** Where the graph says it. */
function widthOf({
  output,
  tensors,
}: Pick<VersionDescription, 'tensors'> & { output: EmbeddingOutput }): number | undefined {
  const outputs = tensors?.outputs ?? [];
  const found =
    output.tensor === undefined ? outputs : outputs.filter((t) => t.name === output.tensor);
  const width = found.length === 1 ? found[0]?.shape.at(-1) : undefined;
  return typeof width === 'number' ? width : undefined;
}
