import { isDeepStrictEqual } from 'node:util';
import type { ReferenceObject, SchemaObject, SchemasObject } from '@nestjs/swagger';
import { inputKind } from '#libs/kinds';
import {
  outputSchema,
  parametersSchema,
  publishedInputSchema,
  tableColumnsOf,
  tellsText,
} from '#libs/models';
import type { CatalogModel, CatalogVersion } from '../models/catalog.model.js';
import { SCHEMAS } from './components.js';
import { eventSchema, outputData, TEXT_DATA } from './job-events.js';

/** What a version takes and gives. */
export interface Signature {
  /** Of the names of its schemas; none for the main version's. */
  suffix: string;
  input: SchemaObject;
  output: SchemaObject;
  parameters: SchemaObject;
  takesFiles: boolean;
  takesTables: boolean;
  /** See `tellsText`. */
  tellsText: boolean;
}

type Properties = Record<string, SchemaObject | ReferenceObject>;

const UNKNOWN = { description: 'Not known before the graph is opened for the first time' };

/** Signatures of all versions; those that are like the main one's are its very own. */
export function signaturesOf(model: CatalogModel, mainVersion: CatalogVersion | undefined) {
  const main = signatureOf(mainVersion ?? model.versions.at(-1), '');
  const versions = model.versions.map((version) => {
    const name = version.report.version;
    const own = signatureOf(version, `V${name}`);
    const isMain = isDeepStrictEqual({ ...own, suffix: '' }, main);
    return { version: name, signature: isMain ? main : own };
  });
  return { main, versions };
}

function signatureOf(version: CatalogVersion | undefined, suffix: string): Signature {
  const report = version?.report;
  return {
    suffix,
    input: (report && publishedInputSchema(report)) ?? UNKNOWN,
    output: (report && outputSchema(report)) ?? UNKNOWN,
    parameters: report ? parametersSchema(report) : UNKNOWN,
    takesTables: report !== undefined && tableColumnsOf(report) !== undefined,
    takesFiles: report ? inputKind(report.input).takesFiles === true : false,
    tellsText: report !== undefined && tellsText(report),
  };
}

/** The schemas of a submission, and of what it is made of. */
export function typedSubmission(schemas: SchemasObject, signature: Signature): SchemasObject {
  const { suffix, input, output, parameters } = signature;
  const { PredictRequest: json = {}, PredictRequestForm: form = {} } = schemas;
  const instance = { $ref: `${SCHEMAS}Input${suffix}` };
  return {
    [`Input${suffix}`]: input,
    [`Output${suffix}`]: output,
    [`PredictRequest${suffix}`]: withProperties(json, {
      input: instance,
      inputs: { ...json.properties?.['inputs'], items: instance },
      parameters: { ...parameters, type: ['object', 'null'] },
    }),
    [`PredictRequest${suffix}Form`]: withProperties(form, { parameters }),
  };
}

/** The schemas of a model's jobs: their outputs are those of one of its versions. */
export function typedJob(
  { Job: job = {} }: SchemasObject,
  model: string,
  signatures: readonly Signature[],
): SchemasObject {
  const outputs = signatures.map(({ suffix }) => ({ $ref: `${SCHEMAS}Output${suffix}` }));
  const items = { anyOf: [...outputs, { $ref: `${SCHEMAS}FailedInstance` }] };
  const toldOutputs = outputData(items);
  const toldText = signatures.some((signature) => signature.tellsText);
  return {
    Job: withProperties(job, {
      model: { type: 'string', enum: [model] },
      output: { anyOf: [...outputs, { type: 'null' }] },
      outputs: { type: ['array', 'null'], items },
    }),
    OutputEvent: eventSchema(
      'output',
      toldText ? { anyOf: [toldOutputs, TEXT_DATA] } : toldOutputs,
    ),
  };
}

/** Descriptions stay as they are. */
function withProperties(schema: SchemaObject, typed: Properties): SchemaObject {
  const properties = { ...schema.properties };
  for (const [name, property] of Object.entries(typed)) {
    const before = properties[name];
    const description = before && 'description' in before ? before.description : undefined;
    properties[name] = { ...(description !== undefined && { description }), ...property };
  }
  return { ...schema, properties };
}
