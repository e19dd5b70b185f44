import { clock } from '#libs/clock';
import type { JobProblem, Priority } from '#libs/contracts';
import type { HandBack } from '#libs/jobs';
import { WorkerJob } from '../worker-job.js';

/** What a step is to run. */
export interface StepTask {
  model: string;
  version: string;
  /** Among the jobs of that model. */
  turn: number;
  /** See RunRequest. */
  text: string;
  count: number;
  /** See JobMessage. */
  shape: string[] | undefined;
  /** What is left of the time that the pipeline's job may compute. */
  executionTimeoutMs: number | undefined;
}

/**
 * Instances that a step of a pipeline runs: they share batches with jobs of the step's model, but have no
 * record, no place in a queue and no attempts of their own. Their pipeline's job has those.
 */
export class StepJob extends WorkerJob {
  /** Why it came to nothing as a whole. */
  problem: JobProblem | undefined;

  constructor(
    pipelined: WorkerJob,
    task: StepTask,
    runLimitMs: number,
    resolve: () => void,
    reject: (error: HandBack) => void,
  ) {
    const now = clock.now();
    const { model, text, ...rest } = task;
    const message = {
      ...rest,
      id: pipelined.id,
      bytes: text.length,
      input: text,
      // Its own: so it may wait for company as long as any job of that model.
      createdAt: now,
      priority: pipelined.priority satisfies Priority,
      requestId: pipelined.message.requestId,
      resultTtlS: 0,
    };
    super(model, { message, takenAt: now, suspect: pipelined.solo }, runLimitMs, resolve, reject);
    this.span = pipelined.span;
  }

  /** It holds no place that others wait for, so that nothing is won by sending it back. */
  override get hasRun(): boolean {
    return true;
  }

  fail(problem: JobProblem): void {
    this.problem = problem;
    this.ended();
  }
}
