import type { NumberField, TabularField } from '#libs/contracts';
import { elementSchema, type JsonSchema, WELL_FORMED } from '../json-schema.js';

/** Of a value that is none of the categories, where that is allowed; in code points. */
export const MAX_CATEGORY_LENGTH = 256;

export function isNumberField(field: TabularField): field is NumberField {
  return field.type === undefined || field.type === 'number';
}

/** JSON Schema of a field's value: null as well where it may be missing. */
export function fieldSchema(field: TabularField): JsonSchema {
  const { name, description, missing } = field;
  const schema = {
    ...valueSchema(field),
    title: name,
    ...(description === undefined ? {} : { description }),
  };
  return missing === undefined ? schema : orNull(schema);
}

/** The declared range is shown, not enforced: values outside are accepted with a warning. */
function valueSchema(field: TabularField): JsonSchema {
  if (field.type === 'boolean') return { type: 'boolean' };
  if (field.type === 'category') {
    const { categories, unknown } = field;
    if (unknown === undefined) return { enum: categories };
    const length = { maxLength: MAX_CATEGORY_LENGTH, pattern: WELL_FORMED };
    return { type: ['string', 'number'], ...length, examples: categories };
  }
  const { unit, minimum, maximum } = field;
  return {
    ...elementSchema('float32'),
    ...(unit === undefined ? {} : { 'x-unit': unit }),
    ...(minimum === undefined && maximum === undefined ? {} : { 'x-range': [minimum, maximum] }),
  };
}

function orNull(schema: JsonSchema): JsonSchema {
  const { type, enum: values } = schema;
  if (Array.isArray(values)) return { ...schema, enum: [...(values as unknown[]), null] };
  return { ...schema, type: [type, 'null'].flat() };
}
