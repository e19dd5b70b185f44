import type { ClassificationOutput } from '#libs/contracts';
import { answerSchema as object, type JsonSchema } from '../json-schema.js';
import type { OutputKind, WithOutput } from '../output-kind.js';
import { ClassificationDecoder } from './classification.decoder.js';
import { classificationOutput } from './classification.schema.js';

type Version = WithOutput<ClassificationOutput>;

/** Scores per class → label and confidence. */
export const classification: OutputKind<ClassificationOutput> = {
  settings: classificationOutput,

  schema({ output }: Version): JsonSchema {
    return classificationSchema(output);
  },

  parameters({ output: { labels } }: Version) {
    return { top_k: { type: 'integer', minimum: 1, maximum: labels.length } };
  },

  openDecoder({ output }: Version, outputs) {
    return new ClassificationDecoder(output, outputs);
  },
};

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
