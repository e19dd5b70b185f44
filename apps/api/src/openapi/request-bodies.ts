import type { OpenAPIObject, ReferenceObject, SchemaObject } from '@nestjs/swagger';
import type { Config } from '#libs/config';
import { MAX_INSTANCES } from '#libs/contracts';
import { SCHEMAS } from './components.js';
import { operationsOf } from './operations.js';

export const FORM = 'multipart/form-data';
export const CSV = 'text/csv';
/** A header that names the fields, then a row for each instance. */
export const CSV_BODY = { schema: { type: 'string' as const } };
const JSON_BODY = 'application/json';
const FILE: SchemaObject = { type: 'string', format: 'binary' };

type Properties = Record<string, SchemaObject | ReferenceObject>;

/** Says of bodies what decorators cannot: what goes together, what may be null, the operator's limits. */
export function describeBodies(document: OpenAPIObject, config: Config): void {
  const schemas = (document.components?.schemas ?? {}) as Record<string, SchemaObject>;
  const names = new Set(['Webhook', 'Canary', 'Shadow', 'Guard']);
  for (const { operation } of operationsOf(document)) {
    const content =
      operation.requestBody && 'content' in operation.requestBody && operation.requestBody.content;
    const name = content ? nameOf(content[JSON_BODY]?.schema) : undefined;
    if (!content || name === undefined) continue;
    names.add(name);
    if (content[FORM]) content[FORM].schema = { $ref: `${SCHEMAS}${name}Form` };
    // Elsewhere the body has to name the model.
    if (name === 'PredictRequest') content[CSV] = CSV_BODY;
  }
  for (const name of names) {
    const { required = [], properties = {} } = schemas[name] ?? {};
    const body = { type: 'object', required, additionalProperties: false };
    if ('inputs' in properties) {
      const limited = { ...properties, ...limits(properties, config) };
      schemas[name] = { ...body, properties: nullable(limited, required), oneOf: EXACTLY_ONE };
      schemas[`${name}Form`] = { ...body, properties: inForm(limited), oneOf: ONE_OF_THE_TWO };
    } else {
      schemas[name] = { ...body, properties: nullable(properties, required) };
    }
  }
}

function nameOf(schema: SchemaObject | ReferenceObject | undefined): string | undefined {
  return schema && '$ref' in schema ? schema.$ref.slice(SCHEMAS.length) : undefined;
}

const ONE_OF_THE_TWO: SchemaObject[] = [{ required: ['input'] }, { required: ['inputs'] }];

/** A list or columns; the type is older than OpenAPI 3.1. */
const INSTANCES = { type: ['array', 'object'] } as unknown as SchemaObject;

/** Where null stands for a field that is left out. */
const EXACTLY_ONE: SchemaObject[] = [
  { required: ['input'], properties: { inputs: { type: 'null' } } },
  { required: ['inputs'], properties: { inputs: INSTANCES }, not: { required: ['input'] } },
];

/** Fields that may not be above what the operator has set. */
function limits(properties: Properties, { jobs, models }: Config): Properties {
  const maxima = {
    queue_timeout_s: jobs.MAX_QUEUE_TIMEOUT_S,
    execution_timeout_s: models.RUN_TIMEOUT_S,
    result_ttl_s: jobs.MAX_RESULT_TTL_S,
  };
  return Object.fromEntries(
    Object.entries(maxima).map(([name, maximum]) => [name, { ...properties[name], maximum }]),
  );
}

/** Many clients write null for a field that is left out; only `input` and `webhook` may really be null. */
function nullable(properties: Properties, required: readonly string[]): Properties {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      if (name === 'input' || required.includes(name)) return [name, schema];
      if ('$ref' in schema) return [name, { anyOf: [schema, { type: 'null' }] }];
      if (schema.allOf) return [name, orNull(schema)];
      const { type = [] } = schema;
      const values = schema.enum as unknown[] | undefined;
      return [
        name,
        { ...schema, type: [type, 'null'].flat(), ...(values && { enum: [...values, null] }) },
      ];
    }),
  );
}

/** How Nest writes a reference that has a description. */
function orNull({ allOf = [], ...said }: SchemaObject): SchemaObject {
  return { ...said, anyOf: [...allOf, { type: 'null' }] };
}

/** Files where the same in JSON has instances. */
function inForm(properties: Properties): Properties {
  return {
    ...properties,
    input: { ...FILE, description: 'A file of a form that the model takes: a picture, say' },
    inputs: {
      type: 'array',
      items: FILE,
      minItems: 1,
      maxItems: MAX_INSTANCES,
      description: 'Several files; of a model that takes rows of named values, one CSV file',
    },
    webhook: orNull(properties['webhook'] as SchemaObject),
  };
}
