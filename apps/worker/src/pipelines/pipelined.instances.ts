import { type JobProblem, jobProblem, problemInLine, splitLines } from '#libs/contracts';
import type { SliceOutcome } from '#libs/inference';
import { MissingReference, type PipelinePlan } from '#libs/models';
import { inStep, problemIn } from './step.failure.js';

/** An instance of a job, and what the steps of its pipeline have made of it. */
export interface PipelinedInstance {
  /** As it came, JSON. */
  line: string;
  /** What references of the manifest lead into. */
  scope: Record<string, unknown>;
  /** Its file could not be had, or a step has failed on it. */
  problem: JobProblem | undefined;
}

/** The instances of a job on their way through a pipeline. */
export class PipelinedInstances {
  readonly all: readonly PipelinedInstance[];
  /** Of the call, by step. */
  readonly parameters: Record<string, Record<string, unknown>>;

  /** @param text see RunRequest. */
  constructor(text: string) {
    const end = text.indexOf('\n');
    this.parameters = (end > 0 ? JSON.parse(text.slice(0, end)) : {}) as typeof this.parameters;
    this.all = splitLines(text.slice(end + 1)).map((line) => ({
      line,
      scope: scopeOf(line),
      problem: problemInLine(line),
    }));
  }

  /** Those that no step has failed on. */
  get open(): PipelinedInstance[] {
    return this.all.filter(({ problem }) => !problem);
  }

  /** What they came to. @param batchSize rows of the largest batch. */
  outcome({ output }: PipelinePlan, batchSize: number): SliceOutcome {
    const texts = this.all.map((instance) => {
      if (!instance.problem) {
        try {
          return JSON.stringify(output(instance.scope));
        } catch (error) {
          if (!(error instanceof MissingReference)) throw error;
          fail(instance, 'output', error);
        }
      }
      return JSON.stringify({ error: instance.problem });
    });
    const problems = this.all.flatMap(({ problem }) => problem ?? []);
    return {
      outputs: texts.join(','),
      done: texts.length - problems.length,
      error: problems[0] ?? null,
      batchSize,
    };
  }
}

/** Notes what a step made of an instance as a whole. */
export function settle(instance: PipelinedInstance, step: string, output: unknown): void {
  const problem = problemIn(output);
  if (problem) instance.problem = inStep(step, problem);
  else instance.scope[step] = output;
}

export function fail(instance: PipelinedInstance, step: string, { message }: Error): void {
  instance.problem = inStep(step, jobProblem('inference-failed', message));
}

/** Mostly an instance is only passed on, and then as it came. */
function scopeOf(line: string): Record<string, unknown> {
  let input: unknown;
  return {
    get input(): unknown {
      return (input ??= JSON.parse(line) as unknown);
    },
  };
}
