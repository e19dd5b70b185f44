import { APP_VERSION } from '#libs/config';
import type { PipelineDescription, VersionDescription, VersionReport } from '#libs/contracts';
import type { Batch, BatchHandler, VersionEvent } from '#libs/inference';
import { HandBack } from '#libs/jobs';
import {
  contentOf,
  pipelineReport,
  type PipelinePlan,
  planOf,
  type StoredVersion,
} from '#libs/models';
import type { ServedVersion } from '../served.version.js';
import type { WorkerJob } from '../worker-job.js';
import { type PipelineContext, PipelineRun } from './pipeline.run.js';
import { Room } from './room.js';
import { StepFailure } from './step.failure.js';
import type { StepModel, StepModels } from './step.models.js';
import { StepSignatures } from './step.signatures.js';

/** What jobs of a pipeline have sent to the models of its steps at once. */
const MAX_SENT_BYTES = 128 * 1024 * 1024;
/** Before a job that could not be run here is taken again. */
const HAND_BACK_MS = 1000;

export type DescribedPipeline = VersionDescription & { pipeline: PipelineDescription };

export interface PipelineServerOptions {
  description: DescribedPipeline;
  handler: BatchHandler<WorkerJob>;
  models: StepModels;
  /** Longest that a step may compute. */
  runLimitMs: number;
  /** Something went wrong outside of the models, such as Redis; the job is handed back. */
  onError: (error: Error) => void;
  onChange: (report: VersionReport, event: VersionEvent) => void;
}

interface Facts {
  key: string;
  content: string | undefined;
  /** Its steps do not go together. */
  isUnfit: boolean;
}

/**
 * Serves a pipeline by the servers of its steps' models: it has no runners of its own, and can be served while
 * each of those can. A job of it is a batch by itself; what its steps run shares batches with all other jobs.
 */
export class PipelineServer implements ServedVersion {
  readonly memoryBytes = 0;
  readonly isPinned = false;
  lastUsedMs = performance.now();
  private readonly running = new Map<WorkerJob, PipelineRun>();
  private readonly ends = new Set<Promise<void>>();
  private readonly room = new Room(MAX_SENT_BYTES);
  private readonly signatures = new StepSignatures();
  private description: DescribedPipeline;
  private plan: PipelinePlan;
  private facts: Facts | undefined;
  private stopped = false;

  constructor(private readonly options: PipelineServerOptions) {
    this.description = options.description;
    this.plan = planOf(this.description.pipeline);
  }

  get report(): VersionReport {
    return { ...this.described, content: this.content };
  }

  private get described(): VersionReport {
    const reports = this.models.map(([name, model]) => {
      return [name, typeof model === 'string' ? model : model.server.report] as const;
    });
    return pipelineReport(this.description, new Map(reports));
  }

  get hasFailed(): boolean {
    const { models } = this;
    return models.some(cannotServe) || this.known(models).isUnfit;
  }

  /** See VersionReport. Undefined while that of a step is. */
  get content(): string | undefined {
    return this.known(this.models).content;
  }

  get isIdle(): boolean {
    return this.running.size === 0;
  }

  /** Its steps' models are loaded as they are anyway. */
  start(): Promise<void> {
    const { report } = this;
    this.options.onChange(report, report.state === 'failed' ? 'failed' : 'ready');
    return Promise.resolve();
  }

  /** Loads the models of its steps. */
  async load(): Promise<void> {
    const servers = this.models.flatMap(([, model]) =>
      typeof model === 'string' ? [] : [model.server],
    );
    await Promise.all(servers.map((server) => server.load()));
  }

  /** It has nothing loaded: the models of its steps are there for others as well. */
  unload(): Promise<void> {
    return Promise.resolve();
  }

  /** Jobs that are under way go on as they began. */
  update({ description }: Pick<StoredVersion, 'description'>): Promise<void> {
    if (!isPipeline(description)) return Promise.resolve();
    this.description = description;
    this.plan = planOf(description.pipeline);
    this.facts = undefined;
    return this.start();
  }

  submit(job: WorkerJob): void {
    this.lastUsedMs = performance.now();
    if (this.stopped || this.hasFailed) {
      job.handBack();
      return;
    }
    const run = new PipelineRun(job, this.context());
    this.running.set(job, run);
    const end = this.run(job, run);
    this.ends.add(end);
    void end.finally(() => {
      this.running.delete(job);
      this.ends.delete(end);
    });
  }

  /** What a job has running in the models of its steps frees no place in the queue of the pipeline. */
  yieldTo(): boolean {
    return false;
  }

  withdraw(job: WorkerJob): void {
    this.running.get(job)?.cancel();
  }

  /** Steps that are to follow are handed back by the models, which stop as well. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.allSettled(this.ends);
  }

  private async run(job: WorkerJob, run: PipelineRun): Promise<void> {
    const reason = job.solo ? 'solo' : 'idle';
    const slices = [{ job, from: 0, to: job.count }];
    const batch: Batch<WorkerJob> = { lane: '', slices, rows: job.count, reason };
    const { handler } = this.options;
    try {
      const [text] = await handler.begin(batch, this.content);
      if (text === undefined) return;
      const reply = await run.compute(text);
      if (!job.isOver) await handler.finish(batch, reply);
    } catch (error) {
      run.cancel();
      handler.lost?.(batch, error);
      if (!job.isOver) await this.recover(job, error);
    }
  }

  private async recover(job: WorkerJob, error: unknown): Promise<void> {
    if (error instanceof HandBack) {
      job.handBack(error.delayMs);
      return;
    }
    try {
      if (!(error instanceof StepFailure)) throw error;
      await this.options.handler.fail([job], error.problem);
    } catch (cause) {
      this.options.onError(cause as Error);
      job.handBack(HAND_BACK_MS);
    }
  }

  private context(): PipelineContext {
    const { plan, room, signatures } = this;
    const { models, runLimitMs } = this.options;
    const head = plan.steps.find((step) => step.kind === 'model' && step.takesWholeInput);
    const headModel = this.models.find(([name]) => name === head?.name)?.[1];
    const isChecked = ({ server }: StepModel): boolean =>
      typeof headModel === 'object' && signatures.areAlike(headModel.server, server);
    return { plan, models, runLimitMs, room, signatures, isChecked };
  }

  /** What runs its steps, or why nothing does. */
  private get models(): [string, StepModel | string][] {
    return this.plan.steps.flatMap((step) =>
      step.kind === 'model' ? [[step.name, this.options.models.find(step.spec)]] : [],
    );
  }

  /** What follows from the contents of its steps' models, as long as those stay. */
  private known(models: [string, StepModel | string][]): Facts {
    const contents = models.map(([, model]) =>
      typeof model === 'string' || model.server.hasFailed ? undefined : model.server.content,
    );
    const key = contents.join(' ');
    if (this.facts?.key !== key) {
      const { description, described } = this;
      const isUnfit = described.state === 'failed' && !models.some(cannotServe);
      const content = contents.includes(undefined)
        ? undefined
        : contentOf(description, key, APP_VERSION);
      this.facts = { key, content, isUnfit };
    }
    return this.facts;
  }
}

function cannotServe([, model]: [string, StepModel | string]): boolean {
  return typeof model === 'string' || model.server.hasFailed;
}

export function isPipeline(description: VersionDescription): description is DescribedPipeline {
  return description.pipeline !== undefined;
}
