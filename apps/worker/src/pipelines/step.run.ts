import { jobProblem, joinLines, type StepTiming, type VersionReport } from '#libs/contracts';
import { shapeSignature, hasVariableShapes } from '#libs/kinds';
import { MissingReference, type PlannedModelStep } from '#libs/models';
import type { WorkerJob } from '../worker-job.js';
import type { StepContext } from './pipeline.run.js';
import {
  fail,
  type PipelinedInstance,
  type PipelinedInstances,
  settle,
} from './pipelined.instances.js';
import { inStep, problemIn, StepFailure } from './step.failure.js';
import { StepJob } from './step.job.js';
import type { StepModel } from './step.models.js';

/** Instances of a step that go together; what a step has more of follows. */
const MAX_TASK_ROWS = 1000;
const MAX_TASK_BYTES = 8 * 1024 * 1024;

/** An instance of the step's model. */
interface Row {
  /** JSON. */
  line: string;
  shape: string | undefined;
  /** Is given what the model made of it. */
  settle: (output: unknown) => void;
}

/** One step, for all instances of a job. */
export class StepRun {
  readonly timing: StepTiming = {
    instances: 0,
    wait_ms: 0,
    preprocess_ms: 0,
    inference_ms: 0,
    postprocess_ms: 0,
    batch_size: 0,
  };
  private task: StepJob | undefined;
  private readonly version: VersionReport;
  private readonly hasShapes: boolean;
  /** The api has checked what it gets. */
  private readonly isChecked: boolean;

  constructor(
    private readonly job: WorkerJob,
    private readonly step: PlannedModelStep,
    private readonly model: StepModel,
    private readonly context: StepContext,
  ) {
    this.version = model.server.report;
    this.hasShapes = hasVariableShapes(this.version);
    this.isChecked = step.takesWholeInput && context.isChecked(model);
  }

  /** @throws HandBack, StepFailure */
  async run(instances: PipelinedInstances): Promise<void> {
    const parameters = { ...this.step.spec.parameters, ...instances.parameters[this.step.name] };
    const head = Object.keys(parameters).length > 0 ? JSON.stringify(parameters) : '';
    let rows: Row[] = [];
    let bytes = 0;
    for (const row of this.rows(instances)) {
      rows.push(row);
      bytes += row.line.length;
      if (rows.length < MAX_TASK_ROWS && bytes < MAX_TASK_BYTES) continue;
      await this.runTogether(rows, bytes, head);
      rows = [];
      bytes = 0;
    }
    if (rows.length > 0) await this.runTogether(rows, bytes, head);
  }

  /** Takes back what is under way of it. */
  cancel(): void {
    this.task?.ended();
  }

  /** One by one, as they are needed: crops of many pictures would not fit in memory together. */
  private *rows({ open }: PipelinedInstances): Generator<Row> {
    const { name } = this.step;
    for (const instance of open) {
      if (this.isChecked) {
        yield this.row(
          instance.line,
          () => instance.scope['input'],
          (output) => {
            settle(instance, name, output);
          },
        );
        continue;
      }
      try {
        yield* this.rendered(instance);
      } catch (error) {
        if (!(error instanceof MissingReference)) throw error;
        fail(instance, name, error);
      }
    }
  }

  private *rendered(instance: PipelinedInstance): Generator<Row> {
    const { name, isMapped } = this.step;
    const answers: Record<string, unknown>[] = [];
    const found = this.step.instances(instance.scope);
    if (isMapped) instance.scope[name] = answers;
    for (const { item, value } of found) {
      const answer: Record<string, unknown> = { item };
      if (isMapped) answers.push(answer);
      const settleOne = (output: unknown): void => {
        const problem = problemIn(output);
        if (!isMapped) settle(instance, name, output);
        else if (problem) answer['error'] = inStep(name, problem);
        else answer['output'] = output;
      };
      const complaint = this.context.signatures.complaint(this.model.server, value);
      if (complaint !== undefined) settleOne({ error: jobProblem('invalid-input', complaint) });
      else yield this.row(JSON.stringify(value), () => value, settleOne);
    }
  }

  private row(line: string, value: () => unknown, settleRow: Row['settle']): Row {
    const shape = this.hasShapes ? (shapeSignature(this.version, value()) ?? '') : undefined;
    return { line, shape, settle: settleRow };
  }

  private runTogether(rows: readonly Row[], bytes: number, head: string): Promise<void> {
    return this.context.room.with(bytes, () => this.runTask(rows, head));
  }

  private async runTask(rows: readonly Row[], head: string): Promise<void> {
    const { job, model, version } = this;
    if (job.isOver) return;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const task = new StepJob(
      job,
      {
        model: version.model,
        version: version.version,
        turn: model.turnFor(job.priority),
        text: `${head}\n${joinLines(rows.map(({ line }) => line))}`,
        count: rows.length,
        shape: this.hasShapes ? rows.map(({ shape }) => shape ?? '') : undefined,
        executionTimeoutMs: job.isTimed ? this.context.budgetMs() : undefined,
      },
      this.context.runLimitMs,
      () => {
        resolve(undefined);
      },
      reject,
    );
    task.withdraw = () => {
      model.server.withdraw(task);
    };
    this.task = task;
    model.server.submit(task);
    await promise;
    if (task.problem) throw new StepFailure(this.step.name, task.problem);
    if (!task.isComplete) return;
    this.note(task);
    const outputs = JSON.parse(task.outputs.text) as unknown[];
    rows.forEach((row, i) => {
      row.settle(outputs[i]);
    });
  }

  private note(task: StepJob): void {
    const { timing: took, batchSize } = task.result();
    const { timing } = this;
    timing.instances += task.count;
    timing.wait_ms = Math.max(timing.wait_ms, took.batch_wait_ms);
    timing.preprocess_ms += took.preprocess_ms;
    timing.inference_ms += took.inference_ms;
    timing.postprocess_ms += took.postprocess_ms;
    timing.batch_size = Math.max(timing.batch_size, batchSize ?? 0);
  }
}
