import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import type { ProblemCode, RolloutEvent } from '#libs/contracts';
import type { Batch, RanReply } from '#libs/inference';
import { cacheCounter, DURATION_BUCKETS_S, forgetSeries, JOB_BUCKETS_S } from '#libs/telemetry';
import type { FetchOutcome } from './job.fetch.js';
import { addModelGauges, type GaugedModel } from './model.gauges.js';

const MODEL_LABELS = ['model', 'version'] as const;
const FETCH_BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60];

/** Of the job of a batch that waited longest. */
interface Waits {
  /** From acceptance until a worker took it. */
  queueMs: number;
  /** From then until the batch was sent to a runner. */
  batchWaitMs: number;
}

/** What a worker counts. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class WorkerMetrics {
  private readonly jobs: Counter<'model' | 'version' | 'status'>;
  private readonly batches: Counter<'model' | 'version' | 'reason'>;
  private readonly batchRows: Histogram<'model' | 'version'>;
  private readonly stages: Histogram<'model' | 'version' | 'stage'>;
  private readonly durations: Histogram<'model' | 'version'>;
  private readonly failures: Counter<'model' | 'version' | 'code'>;
  private readonly crashes: Counter<'model' | 'version'>;
  private readonly restarts: Counter<'model' | 'version'>;
  private readonly cancels: Counter<'model' | 'version' | 'when'>;
  private readonly cache: Counter<'model' | 'version' | 'outcome'>;
  private readonly retries: Counter<'model' | 'version' | 'code'>;
  private readonly shadows: Counter<'model' | 'version' | 'outcome'>;
  private readonly rollouts: Counter<'model' | 'event'>;
  private readonly fetches: Histogram<'model' | 'version' | 'outcome'>;

  constructor(private readonly registry: Registry) {
    const registers = [registry];
    this.jobs = new Counter({
      name: 'foretell_jobs_ended_total',
      help: 'Jobs whose end this worker published',
      labelNames: [...MODEL_LABELS, 'status'],
      registers,
    });
    this.durations = new Histogram({
      name: 'foretell_job_seconds',
      help: 'Time from the acceptance of a job until its end was published',
      labelNames: MODEL_LABELS,
      buckets: JOB_BUCKETS_S,
      registers,
    });
    this.failures = new Counter({
      name: 'foretell_job_failures_total',
      help: 'Jobs that failed, by the problem',
      labelNames: [...MODEL_LABELS, 'code'],
      registers,
    });
    this.batches = new Counter({
      name: 'foretell_batches_total',
      help: 'Batches sent to a runner, by the reason for sending them',
      labelNames: [...MODEL_LABELS, 'reason'],
      registers,
    });
    this.batchRows = new Histogram({
      name: 'foretell_batch_rows',
      help: 'Instances in a batch',
      labelNames: MODEL_LABELS,
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
      registers,
    });
    this.stages = new Histogram({
      name: 'foretell_stage_seconds',
      help: 'Time of a batch in each stage; waits are those of the job that waited longest',
      labelNames: [...MODEL_LABELS, 'stage'],
      buckets: DURATION_BUCKETS_S,
      registers,
    });
    this.crashes = new Counter({
      name: 'foretell_runner_crashes_total',
      help: 'Runner processes that ended unasked',
      labelNames: MODEL_LABELS,
      registers,
    });
    this.restarts = new Counter({
      name: 'foretell_runner_restarts_total',
      help: 'Runner processes that came up in place of one that had ended unasked',
      labelNames: MODEL_LABELS,
      registers,
    });
    this.cancels = new Counter({
      name: 'foretell_canceled_jobs_total',
      help: 'Canceled jobs that this worker dropped, before or after a part of them went to a runner',
      labelNames: [...MODEL_LABELS, 'when'],
      registers,
    });
    this.cache = cacheCounter(registry);
    this.retries = new Counter({
      name: 'foretell_job_retries_total',
      help: 'Failed attempts that another one follows, by the problem',
      labelNames: [...MODEL_LABELS, 'code'],
      registers,
    });
    this.shadows = new Counter({
      name: 'foretell_shadow_jobs_total',
      help: 'Jobs that a shadow was to compute again, by what came of it',
      labelNames: [...MODEL_LABELS, 'outcome'],
      registers,
    });
    this.fetches = new Histogram({
      name: 'foretell_input_fetch_seconds',
      help: 'Time of a file that an instance names by URL, by what came of it',
      labelNames: [...MODEL_LABELS, 'outcome'],
      buckets: FETCH_BUCKETS_S,
      registers,
    });
    this.rollouts = new Counter({
      name: 'foretell_rollouts_total',
      help: 'Rollouts that the guard of this worker has ended',
      labelNames: ['model', 'event'],
      registers,
    });
  }

  /** @param models asked whenever the metrics are. */
  watch(models: () => GaugedModel[]): void {
    addModelGauges(this.registry, models);
  }

  /** What is not served any more is told of no more. */
  async keep(isServed: IsServed): Promise<void> {
    await forgetSeries(this.registry, isServed);
  }

  batch(labels: Labels, { reason, rows }: Pick<Batch<unknown>, 'reason' | 'rows'>, waits: Waits) {
    this.batches.inc({ ...labels, reason });
    this.batchRows.observe(labels, rows);
    this.stages.observe({ ...labels, stage: 'queue' }, waits.queueMs / 1000);
    this.stages.observe({ ...labels, stage: 'batch-wait' }, waits.batchWaitMs / 1000);
  }

  ran(labels: Labels, { timing }: RanReply): void {
    this.stages.observe({ ...labels, stage: 'preprocess' }, timing.preprocessMs / 1000);
    this.stages.observe({ ...labels, stage: 'inference' }, timing.inferenceMs / 1000);
    this.stages.observe({ ...labels, stage: 'postprocess' }, timing.postprocessMs / 1000);
  }

  ended(labels: Labels, status: string, jobs = 1): void {
    this.jobs.inc({ ...labels, status }, jobs);
  }

  took(labels: Labels, totalMs: number): void {
    this.durations.observe(labels, totalMs / 1000);
  }

  failed(labels: Labels, code: ProblemCode): void {
    this.failures.inc({ ...labels, code });
  }

  restarted(labels: Labels): void {
    this.restarts.inc(labels);
  }

  crashed(labels: Labels): void {
    this.crashes.inc(labels);
  }

  canceled(labels: Labels, ran: boolean): void {
    this.cancels.inc({ ...labels, when: ran ? 'running' : 'waiting' });
  }

  /**
   * @param outcome `miss`: it is computed; `hit-late`: its result was there when it was taken; `joined`: it has
   *   that of a job which was under way.
   */
  cacheAsked(labels: Labels, outcome: 'miss' | 'hit-late' | 'joined'): void {
    this.cache.inc({ ...labels, outcome });
  }

  retried(labels: Labels, code: string): void {
    this.retries.inc({ ...labels, code });
  }

  fetched(labels: Labels, outcome: FetchOutcome, ms: number): void {
    this.fetches.observe({ ...labels, outcome }, ms / 1000);
  }

  shadowed(labels: Labels, outcome: ShadowOutcome, jobs: number): void {
    this.shadows.inc({ ...labels, outcome }, jobs);
  }

  rolloutEnded(model: string, event: RolloutEvent): void {
    this.rollouts.inc({ model, event });
  }
}

export type ShadowOutcome = 'agreed' | 'disagreed' | 'failed' | 'skipped';

/** Whether a model, or a version of it, is served here. */
export type IsServed = (model: string, version?: string) => boolean;

export interface Labels {
  model: string;
  version: string;
}
