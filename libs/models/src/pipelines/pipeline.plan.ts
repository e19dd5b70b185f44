import {
  type AverageStep,
  isRecord,
  type ModelStep,
  type PipelineSpec,
  type PipelineStep,
} from '#libs/contracts';
import { takesWholeInput, WHOLE_INPUT } from './pipeline-faults.js';
import { MissingReference, readTemplate, type Scope, type Template } from './template.js';

/** Elements of an array that a step is run for, where the manifest does not say. */
export const DEFAULT_LIMIT = 20;
const WHOLE_ITEM = '$item';

/** An instance that a step runs its model on. */
export interface StepInstance {
  value: unknown;
  /** The element of the array that the step is run for, where it is run for an array. */
  item?: unknown;
}

interface Planned {
  name: string;
  /** Steps whose outputs it takes. */
  needs: readonly string[];
}

export interface PlannedModelStep extends Planned {
  kind: 'model';
  spec: ModelStep;
  /** What callers sent goes to it as it is. */
  takesWholeInput: boolean;
  /** It is run for the elements of an array, however many those are. */
  isMapped: boolean;
  /** @throws MissingReference */
  instances: (scope: Scope) => StepInstance[];
}

export interface PlannedAverage extends Planned {
  kind: 'average';
  spec: AverageStep;
}

export type PlannedStep = PlannedModelStep | PlannedAverage;

/** A pipeline, read once for all of its jobs. */
export interface PipelinePlan {
  /** Each after those that it needs. */
  steps: readonly PlannedStep[];
  /** @throws MissingReference */
  output: (scope: Scope) => unknown;
}

/** @param spec without faults. */
export function planOf({ steps, output }: PipelineSpec): PipelinePlan {
  const all = Object.fromEntries(Object.keys(steps).map((name) => [name, `$${name}`]));
  return {
    steps: Object.entries(steps).map(([name, step]) => plan(name, step)),
    output: readTemplate(output ?? all).render,
  };
}

function plan(name: string, step: PipelineStep): PlannedStep {
  if ('average' in step) return { kind: 'average', name, needs: step.average, spec: step };
  const { for_each: each } = step;
  const array = each === undefined ? undefined : readTemplate(each);
  const input = readTemplate(step.input ?? (array ? WHOLE_ITEM : WHOLE_INPUT));
  const roots = [...input.roots, ...(array?.roots ?? [])];
  return {
    kind: 'model',
    name,
    needs: roots.filter((root) => root !== 'input' && root !== 'item'),
    spec: step,
    takesWholeInput: takesWholeInput(step),
    isMapped: array !== undefined,
    instances: (scope) =>
      array
        ? elements(step, array, scope).map((item) => ({
            item,
            value: input.render({ ...scope, item }),
          }))
        : [{ value: input.render(scope) }],
  };
}

/** Those that the step is to be run for. */
function elements(step: ModelStep, array: Template, scope: Scope): unknown[] {
  const found = array.render(scope);
  if (!Array.isArray(found)) throw new MissingReference(`${step.for_each ?? ''} is not an array`);
  const { at_least: least = {}, limit = DEFAULT_LIMIT } = step;
  const enough = (item: unknown): boolean =>
    Object.entries(least).every(([field, value]) => {
      const actual = isRecord(item) ? item[field] : undefined;
      return typeof actual === 'number' && actual >= value;
    });
  return (found as unknown[]).filter(enough).slice(0, limit);
}
