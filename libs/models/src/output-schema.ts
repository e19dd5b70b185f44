import type { ClassificationOutput, VersionDescription } from '#libs/contracts';
import { batchAxisOf, instanceShape } from './batch-axis.js';
import { elementSchema, type JsonSchema, nestedSchema } from './tensor-schema.js';

/** JSON Schema of one instance's output; null while a raw graph's signature is not known yet. */
export function outputSchema(version: VersionDescription): JsonSchema | null {
  const { output, tensors } = version;
  switch (output.kind) {
    case 'classification':
      return classificationSchema(output);
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

/** A call that asks for `top_k` gets the best ones instead of all. */
function classificationSchema(output: ClassificationOutput): JsonSchema {
  const { labels, activation, top_k } = output;
  // Whatever a graph gives is passed on as it is where nothing is said to be done to it.
  const confidence = {
    type: 'number',
    ...(activation === 'none' ? {} : { minimum: 0, maximum: 1 }),
  };
  const entry = { label: { type: 'string', enum: labels }, confidence };
  const best = object({
    ...entry,
    top_k: { type: 'array', items: object(entry), minItems: 1, maxItems: labels.length },
  });
  if (top_k !== undefined) return best;
  const all = Object.fromEntries(labels.map((label) => [label, confidence]));
  return { anyOf: [object({ ...entry, probabilities: object(all) }), best] };
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
