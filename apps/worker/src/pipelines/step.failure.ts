import { isRecord, type JobProblem } from '#libs/contracts';

/** A step failed as a whole, and with it the job. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly problem: JobProblem;

  constructor(step: string, problem: JobProblem) {
    super(`step ${step}: ${problem.code}`);
    this.problem = inStep(step, problem);
  }
}

/** The same problem, said of its step. */
export function inStep(step: string, problem: JobProblem): JobProblem {
  return { ...problem, detail: `step ${step}: ${problem.detail}` };
}

/** What stands in place of an instance's output that has none, see SliceOutcome. */
export function problemIn(output: unknown): JobProblem | undefined {
  if (!isRecord(output) || !isRecord(output['error'])) return undefined;
  return typeof output['error']['code'] === 'string'
    ? (output['error'] as unknown as JobProblem)
    : undefined;
}
