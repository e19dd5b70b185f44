import type { StepTiming } from '#libs/contracts';
import type { RanReply } from '#libs/inference';
import { HandBack } from '#libs/jobs';
import {
  average,
  type PipelinePlan,
  type PlannedAverage,
  type PlannedModelStep,
} from '#libs/models';
import type { WorkerJob } from '../worker-job.js';
import { fail, PipelinedInstances } from './pipelined.instances.js';
import type { Room } from './room.js';
import type { StepModel, StepModels } from './step.models.js';
import { StepRun } from './step.run.js';
import type { StepSignatures } from './step.signatures.js';

/** Before a job whose step has no model any more is taken again. */
const HAND_BACK_MS = 1000;

/** What runs of a pipeline share. */
export interface PipelineContext {
  plan: PipelinePlan;
  models: StepModels;
  /** Longest that a step may compute. */
  runLimitMs: number;
  /** For what is sent to the models of steps. */
  room: Room;
  signatures: StepSignatures;
  /** Whether the api has checked what callers send for such a model as well. */
  isChecked: (model: StepModel) => boolean;
}

export interface StepContext extends PipelineContext {
  /** What is left of the time that the job may compute. */
  budgetMs: () => number;
}

/** One job on its way through the steps of a pipeline. */
export class PipelineRun {
  private readonly runs = new Map<string, StepRun>();
  private isCanceled = false;

  constructor(
    private readonly job: WorkerJob,
    private readonly context: PipelineContext,
  ) {}

  /**
   * Steps go as soon as those are through that they need.
   * @param text see RunRequest. @throws HandBack, StepFailure
   */
  async compute(text: string): Promise<RanReply> {
    const { plan } = this.context;
    const instances = new PipelinedInstances(text);
    const through = new Map<string, Promise<void>>();
    for (const step of plan.steps) {
      const run = async (): Promise<void> => {
        for (const name of step.needs) await through.get(name);
        if (this.isCanceled) return;
        if (step.kind === 'average') averageAll(step, instances);
        else await this.runStep(step, instances);
      };
      through.set(step.name, run());
    }
    await Promise.all(through.values());
    this.job.steps = Object.fromEntries(this.timings);
    return this.reply(instances);
  }

  /** Takes back what is under way of it. */
  cancel(): void {
    this.isCanceled = true;
    for (const run of this.runs.values()) run.cancel();
  }

  private async runStep(step: PlannedModelStep, instances: PipelinedInstances): Promise<void> {
    const model = this.context.models.find(step.spec);
    // The pipeline shows as failed now: whoever takes the job next hears of it.
    if (typeof model === 'string') throw new HandBack(HAND_BACK_MS);
    const run = new StepRun(this.job, step, model, {
      ...this.context,
      budgetMs: () => this.budgetMs(),
    });
    this.runs.set(step.name, run);
    await run.run(instances);
  }

  private get timings(): [string, StepTiming][] {
    return [...this.runs].map(([name, { timing }]) => [name, timing]);
  }

  private budgetMs(): number {
    const { preprocessMs, inferenceMs, postprocessMs } = this.spent();
    return Math.max(1, this.job.runBudgetMs - preprocessMs - inferenceMs - postprocessMs);
  }

  private spent(): RanReply['timing'] {
    const spent = { preprocessMs: 0, inferenceMs: 0, postprocessMs: 0 };
    for (const [, timing] of this.timings) {
      spent.preprocessMs += timing.preprocess_ms;
      spent.inferenceMs += timing.inference_ms;
      spent.postprocessMs += timing.postprocess_ms;
    }
    return spent;
  }

  private reply(instances: PipelinedInstances): RanReply {
    const batchSize = Math.max(0, ...this.timings.map(([, timing]) => timing.batch_size));
    return {
      type: 'ran',
      batch: 0,
      slices: [instances.outcome(this.context.plan, batchSize)],
      timing: this.spent(),
      outOfMemory: false,
      rssBytes: 0,
    };
  }
}

function averageAll({ name, spec }: PlannedAverage, { open }: PipelinedInstances): void {
  for (const instance of open) {
    const answers = spec.average.map((member) => instance.scope[member]);
    try {
      instance.scope[name] = average(answers, spec.weights);
    } catch (error) {
      fail(instance, name, error as Error);
    }
  }
}
