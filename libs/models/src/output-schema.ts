import type { VersionDescription } from '#libs/contracts';
import { batchAxisOf, instanceShape } from './batch-axis.js';
import { elementSchema, type JsonSchema, nestedSchema } from './tensor-schema.js';

const probability = { type: 'number', minimum: 0, maximum: 1 };

/** JSON Schema of one instance's output; null while a raw graph's signature is not known yet. */
export function outputSchema(version: VersionDescription): JsonSchema | null {
  const { output, tensors } = version;
  switch (output.kind) {
    case 'classification': {
      const label = { enum: output.labels };
      return object({
        label,
        confidence: probability,
        ...(output.top_k === undefined
          ? { probabilities: object(mapOf(output.labels, probability)) }
          : { top_k: { type: 'array', items: object({ label, confidence: probability }) } }),
      });
    }
    case 'regression':
      return object({
        value: {
          type: 'number',
          ...(output.minimum === undefined ? {} : { minimum: output.minimum }),
          ...(output.maximum === undefined ? {} : { maximum: output.maximum }),
          ...(output.unit === undefined ? {} : { 'x-unit': output.unit }),
        },
      });
    case 'tensor': {
      if (!tensors) return null;
      const axis = batchAxisOf(tensors, version.batching.max_batch_size);
      return object(
        Object.fromEntries(
          tensors.outputs.map((t) => [
            t.name,
            nestedSchema(instanceShape(t, axis), outputElement(t.dtype)),
          ]),
        ),
      );
    }
  }
}

/** NaN and the infinities have no number in JSON: they come as strings. */
function outputElement(dtype: Parameters<typeof elementSchema>[0]): JsonSchema {
  const plain = elementSchema(dtype);
  return dtype.startsWith('float')
    ? { anyOf: [plain, { enum: ['NaN', 'Infinity', '-Infinity'] }] }
    : plain;
}

function object(properties: Record<string, unknown>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties) };
}

function mapOf(labels: string[], schema: JsonSchema): Record<string, unknown> {
  return Object.fromEntries(labels.map((label) => [label, schema]));
}
