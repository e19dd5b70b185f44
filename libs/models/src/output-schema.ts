import type {
  ClassificationOutput,
  RegressionOutput,
  RegressionTarget,
  VersionDescription,
} from '#libs/contracts';
import { batchAxisOf, instanceShape } from './batch-axis.js';
import { elementSchema, type JsonSchema, nestedSchema } from './tensor-schema.js';

/**
 * JSON Schema of one instance's output; null while what a runner tells of it, the signature of a raw graph or
 * of a `processor.mjs`, is not known yet.
 */
export function outputSchema(version: VersionDescription): JsonSchema | null {
  const { output, tensors, processor, hooks } = version;
  if (processor && !hooks) return null;
  if (hooks?.includes('postprocess')) return processor?.output_schema ?? {};
  switch (output.kind) {
    case 'classification':
      return classificationSchema(output);
    case 'regression':
      return regressionSchema(output);
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
  const { labels, top_k } = output;
  const confidence = confidenceSchema(output);
  const entry = { label: { type: 'string', enum: labels }, confidence };
  const answer = output.multi_label
    ? { labels: { type: 'array', items: object(entry), maxItems: labels.length } }
    : { label: labelSchema(output), confidence };
  const best = object({
    ...answer,
    top_k: { type: 'array', items: object(entry), minItems: 1, maxItems: labels.length },
  });
  if (top_k !== undefined) return best;
  const all = Object.fromEntries(labels.map((label) => [label, confidence]));
  return { anyOf: [object({ ...answer, probabilities: object(all) }), best] };
}

/** Whatever a graph gives is passed on as it is where nothing is said to be done to it. */
function confidenceSchema({ activation }: ClassificationOutput): JsonSchema {
  return { type: 'number', ...(activation === 'none' ? {} : { minimum: 0, maximum: 1 }) };
}

function labelSchema(output: ClassificationOutput): JsonSchema {
  const { labels, min_confidence: least, unknown_label: unknown } = output;
  if (least === undefined) return { type: 'string', enum: labels };
  if (unknown !== undefined) return { type: 'string', enum: [...labels, unknown] };
  return { type: ['string', 'null'], enum: [...labels, null] };
}

function regressionSchema(output: RegressionOutput): JsonSchema {
  if (!output.targets) return object({ value: targetSchema(output) });
  const values = output.targets.map((target) => [target.name, targetSchema(target)]);
  return object({ values: object(Object.fromEntries(values) as JsonSchema) });
}

function targetSchema({ minimum, maximum, unit }: RegressionTarget): JsonSchema {
  return {
    type: 'number',
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(unit === undefined ? {} : { 'x-unit': unit }),
  };
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
