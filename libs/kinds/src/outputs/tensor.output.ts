import { z } from 'zod';
import type { Dtype } from '#libs/contracts';
import { batchAxisOf, instanceShape } from '../batch-axis.js';
import { answerSchema, elementSchema, type JsonSchema, nestedSchema } from '../json-schema.js';
import type { OutputKind } from '../output-kind.js';
import { TensorDecoder } from './tensor.decoder.js';

/** The graph's own outputs, by name. */
export const tensorOutput: OutputKind = {
  settings: z.strictObject({ kind: z.literal('tensor') }),

  schema({ tensors, batching }): JsonSchema | null {
    if (!tensors) return null;
    const axis = batchAxisOf(tensors, batching.max_batch_size);
    return answerSchema(
      Object.fromEntries(
        tensors.outputs.map((t) => [
          t.name,
          nestedSchema(instanceShape(t, axis), outputElement(t.dtype)),
        ]),
      ),
    );
  },

  openDecoder(_version, outputs) {
    return new TensorDecoder(outputs);
  },
};

/** NaN and the infinities have no number in JSON: they come as strings. */
function outputElement(dtype: Dtype): JsonSchema {
  const plain = elementSchema(dtype);
  return dtype.startsWith('float')
    ? { anyOf: [plain, { enum: ['NaN', 'Infinity', '-Infinity'] }] }
    : plain;
}
