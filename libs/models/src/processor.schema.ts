import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { text } from '#libs/kinds';

/** It is shown inside other documents, where a reference would lead elsewhere. */
const REFERENCES = /"(?:\$ref|\$dynamicRef|\$id|\$schema)":/;

const jsonSchema = z.record(z.string(), z.unknown()).superRefine((schema, context) => {
  const complain = (message: string) => {
    context.addIssue({ code: 'custom', message });
  };
  if (REFERENCES.test(JSON.stringify(schema))) {
    complain('must not have $ref, $dynamicRef, $id or $schema');
    return;
  }
  try {
    new Ajv2020({ strict: false }).compile(schema);
  } catch (error) {
    complain(`is no JSON Schema: ${(error as Error).message}`);
  }
});

/** What `model.yaml` says of a `processor.mjs`. */
export const processorSchema = z.strictObject({
  input_schema: jsonSchema.optional(),
  output_schema: jsonSchema.optional(),
  parameters: z.record(text, jsonSchema).optional(),
});
