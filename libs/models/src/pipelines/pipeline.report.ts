import { isDeepStrictEqual } from 'node:util';
import {
  isClassification,
  type ModelStep,
  type PipelineSignature,
  type PipelineSpec,
  type VersionDescription,
  type VersionReport,
  type VersionState,
} from '#libs/contracts';
import type { JsonSchema } from '#libs/kinds';
import { parametersSchema } from '../input-schema.js';
import { outputSchema } from '../output-schema.js';
import { takesWholeInput } from './pipeline-faults.js';
import { DEFAULT_LIMIT } from './pipeline.plan.js';

/** Any JSON. */
const ANYTHING: JsonSchema = {};

/** What the models of a pipeline's steps are, by step: their report, or why there is none. */
export type StepReports = ReadonlyMap<string, VersionReport | string>;

/**
 * A pipeline as a worker serves it: what callers send is what its first step takes of them, and it can be
 * served while every one of its steps can.
 * @param description of a pipeline. @param reports of each of its steps that runs a model.
 */
export function pipelineReport(
  description: VersionDescription & { pipeline: PipelineSpec },
  reports: StepReports,
): VersionReport {
  const { pipeline } = description;
  const base = { ...description, warm_instances: 0, memory_bytes: 0 };
  const failures = [...reports].flatMap(([name, report]) => failureOf(name, report) ?? []);
  const known = new Map(
    [...reports].filter((entry): entry is Known => typeof entry[1] !== 'string'),
  );
  const reason =
    failures[0] ?? (failures.length === 0 ? unequalAverage(pipeline, known) : undefined);
  const head = headOf(pipeline, known);
  return {
    ...base,
    ...(head && signatureOfInput(head)),
    pipeline: { ...pipeline, signature: signatureOf(pipeline, known) },
    state: reason === undefined ? stateOf([...known.values()]) : 'failed',
    reason,
  };
}

type Known = [string, VersionReport];

function failureOf(name: string, report: VersionReport | string): string | undefined {
  if (typeof report === 'string') return `step ${name}: ${report}`;
  if (report.state !== 'failed') return undefined;
  return `step ${name}: ${report.model} version ${report.version}: ${report.reason ?? 'it has failed'}`;
}

/** As ready as the least ready of its steps. */
function stateOf(reports: readonly VersionReport[]): VersionState {
  const states = new Set(reports.map(({ state }) => state));
  if (states.has('loading')) return 'loading';
  return states.has('unloaded') ? 'unloaded' : 'ready';
}

/** The step that says what callers send. */
function headOf(
  { steps }: PipelineSpec,
  known: ReadonlyMap<string, VersionReport>,
): VersionReport | undefined {
  const [name = ''] = Object.entries(steps).find(([, step]) => takesWholeInput(step)) ?? [];
  return known.get(name);
}

function signatureOfInput({ input, processor, hooks, batching, tensors }: VersionReport) {
  return { input, processor, hooks, batching, tensors: tensors && { ...tensors, outputs: [] } };
}

function signatureOf(
  { steps, output }: PipelineSpec,
  known: ReadonlyMap<string, VersionReport>,
): PipelineSignature {
  const schemas = new Map<string, JsonSchema | null>();
  for (const [name, step] of Object.entries(steps)) {
    schemas.set(
      name,
      'average' in step
        ? (schemas.get(step.average[0] ?? '') ?? null)
        : schemaOf(step, known.get(name)),
    );
  }
  const parameters = [...known].flatMap(([name, report]) => {
    const schema = parametersSchema(report);
    return Object.keys(schema['properties'] as object).length > 0 ? [[name, schema] as const] : [];
  });
  const complete = [...schemas.values()].every((schema) => schema !== null);
  const all = Object.fromEntries(Object.keys(steps).map((name) => [name, `$${name}`]));
  return {
    versions: Object.fromEntries([...known].map(([name, { version }]) => [name, version])),
    parameters: Object.fromEntries(parameters),
    output_schema: complete ? schemaOfTemplate(output ?? all, schemas) : null,
  };
}

/** Of a step's output: that of its model, or an array of elements with what the model says of each. */
function schemaOf(
  { for_each: each, limit = DEFAULT_LIMIT }: ModelStep,
  report: VersionReport | undefined,
): JsonSchema | null {
  const answer = report ? outputSchema(report) : null;
  if (each === undefined || answer === null) return answer;
  const properties = { item: ANYTHING, output: answer, error: { type: 'object' } };
  const items = { type: 'object', properties, required: ['item'] };
  return { type: 'array', items, maxItems: limit };
}

function schemaOfTemplate(
  template: unknown,
  schemas: ReadonlyMap<string, JsonSchema | null>,
): JsonSchema {
  if (typeof template === 'string') {
    return (template.startsWith('$') ? schemas.get(template.slice(1)) : undefined) ?? ANYTHING;
  }
  if (typeof template !== 'object' || template === null || Array.isArray(template)) return ANYTHING;
  const properties = Object.fromEntries(
    Object.entries(template).map(([name, part]) => [name, schemaOfTemplate(part, schemas)]),
  );
  return { type: 'object', properties, required: Object.keys(properties) };
}

/** Why the answers of steps cannot be averaged. */
function unequalAverage(
  { steps }: PipelineSpec,
  known: ReadonlyMap<string, VersionReport>,
): string | undefined {
  for (const [name, step] of Object.entries(steps)) {
    if (!('average' in step)) continue;
    const reports = step.average.flatMap((member) => known.get(member) ?? []);
    const partial = step.average.find((member) => hasBestOnly(known.get(member)));
    if (partial !== undefined) {
      return `step ${name}: ${partial} answers with its best labels alone, and an average needs the probabilities of all`;
    }
    const schemas = reports.map(outputSchema);
    const [first] = schemas;
    if (schemas.includes(null) || schemas.every((schema) => isDeepStrictEqual(schema, first)))
      continue;
    return `step ${name}: the answers of ${step.average.join(', ')} do not have the same form`;
  }
  return undefined;
}

function hasBestOnly(report: VersionReport | undefined): boolean {
  if (!report || !isClassification(report.output)) return false;
  return report.output.top_k !== undefined || report.output.multi_label === true;
}
