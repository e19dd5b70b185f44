import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import type { FiringReason, RanReply } from '#libs/inference';
import { DURATION_BUCKETS_S } from '#libs/telemetry';

const MODEL_LABELS = ['model', 'version'] as const;

/** What a worker counts. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class WorkerMetrics {
  private readonly jobs: Counter<'model' | 'version' | 'status'>;
  private readonly batches: Counter<'model' | 'version' | 'reason'>;
  private readonly batchRows: Histogram<'model' | 'version'>;
  private readonly stages: Histogram<'model' | 'version' | 'stage'>;
  private readonly crashes: Counter<'model' | 'version'>;
  private readonly cancels: Counter<'model' | 'version' | 'when'>;
  private readonly retries: Counter<'model' | 'version' | 'code'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.jobs = new Counter({
      name: 'foretell_jobs_ended_total',
      help: 'Jobs whose end this worker published',
      labelNames: [...MODEL_LABELS, 'status'],
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
      help: 'Time of a batch in each stage; `queue` is of its oldest job',
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
    this.cancels = new Counter({
      name: 'foretell_canceled_jobs_total',
      help: 'Canceled jobs that this worker dropped, before or after a part of them went to a runner',
      labelNames: [...MODEL_LABELS, 'when'],
      registers,
    });
    this.retries = new Counter({
      name: 'foretell_job_retries_total',
      help: 'Failed attempts that another one follows, by the problem',
      labelNames: [...MODEL_LABELS, 'code'],
      registers,
    });
  }

  batch(labels: Labels, reason: FiringReason, rows: number, queueMs: number): void {
    this.batches.inc({ ...labels, reason });
    this.batchRows.observe(labels, rows);
    this.stages.observe({ ...labels, stage: 'queue' }, queueMs / 1000);
  }

  ran(labels: Labels, { timing }: RanReply): void {
    this.stages.observe({ ...labels, stage: 'preprocess' }, timing.preprocessMs / 1000);
    this.stages.observe({ ...labels, stage: 'inference' }, timing.inferenceMs / 1000);
    this.stages.observe({ ...labels, stage: 'postprocess' }, timing.postprocessMs / 1000);
  }

  ended(labels: Labels, status: string): void {
    this.jobs.inc({ ...labels, status });
  }

  crashed(labels: Labels): void {
    this.crashes.inc(labels);
  }

  canceled(labels: Labels, ran: boolean): void {
    this.cancels.inc({ ...labels, when: ran ? 'running' : 'waiting' });
  }

  retried(labels: Labels, code: string): void {
    this.retries.inc({ ...labels, code });
  }
}

interface Labels {
  model: string;
  version: string;
}
