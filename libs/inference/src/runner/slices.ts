import {
  hasFailedLines,
  type JobProblem,
  jobProblem,
  type ProblemCode,
  problemInLine,
  splitLines,
} from '#libs/contracts';
import { type CallParameters, InstanceError } from '#libs/kinds';
import { plainReason, ProcessingError, SequenceTimeout } from '../errors.js';
import type { SliceOutcome } from './protocol.js';

/** The instances of a batch, numbered through all of its slices, and what has become of each. */
export class Slices {
  /** Undefined where one has failed before it came here. */
  readonly instances: unknown[] = [];
  /** Of each instance's job. */
  readonly parameters: CallParameters[] = [];
  /** JSON text of each instance's output. */
  readonly outputs: string[] = [];
  /** Rows of the run that each was part of. */
  readonly batchSizes: number[] = [];
  private readonly problems = new Map<number, JobProblem>();
  /** Where each slice ends. */
  private readonly ends: number[] = [];

  /** @param texts as the protocol describes them. */
  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const end = text.indexOf('\n');
      const parameters = (end > 0 ? JSON.parse(text.slice(0, end)) : {}) as CallParameters;
      for (const instance of this.read(text.slice(end + 1))) {
        this.instances.push(instance);
        this.parameters.push(parameters);
        this.batchSizes.push(0);
      }
      this.ends.push(this.instances.length);
    }
  }

  /** @param code absent: by the kind of error. */
  fail(instance: number, error: unknown, code?: ProblemCode): void {
    this.settle(instance, problemOf(error, code));
  }

  hasFailed(instance: number): boolean {
    return this.problems.has(instance);
  }

  /** The instances of a slice. */
  private read(lines: string): unknown[] {
    if (!hasFailedLines(lines)) return JSON.parse(`[${lines}]`) as unknown[];
    const before = this.instances.length;
    return splitLines(lines).map((line, i) => {
      const problem = problemInLine(line);
      if (!problem) return JSON.parse(line) as unknown;
      this.settle(before + i, problem);
      return undefined;
    });
  }

  private settle(instance: number, problem: JobProblem): void {
    this.problems.set(instance, problem);
    this.outputs[instance] = JSON.stringify({ error: problem });
  }

  /** By slice, once every instance has an output or a problem. */
  outcomes(): SliceOutcome[] {
    return this.ends.map((end, slice) => {
      const start = this.ends[slice - 1] ?? 0;
      const outcome: SliceOutcome = {
        outputs: this.outputs.slice(start, end).join(','),
        done: end - start,
        error: null,
        batchSize: 0,
      };
      for (let i = start; i < end; i++) {
        const problem = this.problems.get(i);
        if (problem) outcome.done--;
        outcome.error ??= problem ?? null;
        outcome.batchSize = Math.max(outcome.batchSize, this.batchSizes[i] ?? 0);
      }
      return outcome;
    });
  }
}

function problemOf(error: unknown, code: ProblemCode | undefined): JobProblem {
  if (error instanceof SequenceTimeout) return jobProblem('execution-timeout', error.message);
  if (error instanceof InstanceError) return jobProblem(code ?? 'invalid-input', error.message);
  const kind = error instanceof ProcessingError ? 'processing-failed' : 'inference-failed';
  return jobProblem(code ?? kind, plainReason(error));
}
