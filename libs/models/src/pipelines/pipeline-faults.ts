import type { AverageStep, ModelStep, PipelineSpec, PipelineStep } from '#libs/contracts';
import { readTemplate } from './template.js';

/** What a manifest's schema cannot say is wrong with a pipeline. */
export interface PipelineFault {
  path: (string | number)[];
  message: string;
}

const STEP_NAME = /^[A-Za-z][\w-]{0,62}$/;
/** What references call the pipeline's instance, and the element that a step is run for. */
const RESERVED = ['input', 'item'];

/** What a step takes where it does not say. */
export const WHOLE_INPUT = '$input';

/** References that lead nowhere, and fields that do nothing or contradict each other. */
export function faultsOf({ steps, output }: PipelineSpec): PipelineFault[] {
  const known: string[] = [];
  const faults = Object.entries(steps).flatMap(([name, step]) => {
    const found = 'average' in step ? averageFaults(step, steps, known) : stepFaults(step, known);
    known.push(name);
    if (!STEP_NAME.test(name)) {
      const message =
        'the name of a step has letters, digits, "_" and "-", at most 63, a letter first';
      found.push({ path: [], message });
    }
    if (RESERVED.includes(name)) {
      found.push({ path: [], message: 'input and item mean something else' });
    }
    return found.map((fault) => ({ ...fault, path: ['steps', name, ...fault.path] }));
  });
  if (output !== undefined) faults.push(...templateFaults(output, ['input', ...known], ['output']));
  if (!Object.values(steps).some(takesWholeInput)) {
    const message = `one of them must take ${WHOLE_INPUT} as it is: what callers send is what it takes`;
    faults.push({ path: ['steps'], message });
  }
  return faults;
}

/** Such a step says what callers send. */
export function takesWholeInput(step: PipelineStep): step is ModelStep {
  if ('average' in step) return false;
  return step.for_each === undefined && (step.input ?? WHOLE_INPUT) === WHOLE_INPUT;
}

function stepFaults(step: ModelStep, known: readonly string[]): PipelineFault[] {
  const { for_each: each, input } = step;
  const faults: PipelineFault[] = [];
  const roots = ['input', ...known];
  if (each === undefined) {
    for (const field of ['at_least', 'limit'] as const) {
      if (step[field] !== undefined) faults.push({ path: [field], message: 'needs for_each' });
    }
  } else {
    if (!each.startsWith('$')) {
      const message = 'must be a reference to an array, like $find.detections';
      faults.push({ path: ['for_each'], message });
    } else faults.push(...templateFaults(each, roots, ['for_each']));
    roots.push('item');
  }
  if (input !== undefined) faults.push(...templateFaults(input, roots, ['input']));
  return faults;
}

function averageFaults(
  { average, weights }: AverageStep,
  steps: PipelineSpec['steps'],
  known: readonly string[],
): PipelineFault[] {
  const faults = average.flatMap((name, i) => {
    const path = ['average', i];
    const step = steps[name];
    if (!known.includes(name) || !step) return [{ path, message: notAbove(name) }];
    if ('average' in step || step.for_each !== undefined) {
      return [{ path, message: `${name} does not give one answer of a model` }];
    }
    return [];
  });
  if (weights && weights.length !== average.length) {
    faults.push({ path: ['weights'], message: 'must be one number for each step in average' });
  }
  return faults;
}

function templateFaults(
  template: unknown,
  roots: readonly string[],
  path: (string | number)[],
): PipelineFault[] {
  try {
    const wrong = readTemplate(template).roots.filter((root) => !roots.includes(root));
    return wrong.map((root) => ({ path, message: notAbove(root) }));
  } catch (error) {
    return [{ path, message: (error as Error).message }];
  }
}

function notAbove(root: string): string {
  return root === 'item' ? '$item needs for_each' : `there is no step ${root} above it`;
}
