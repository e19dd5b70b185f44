import type { Batch, RanReply } from '#libs/inference';
import { failSpan, isTracing, type Span, startSpan } from '#libs/telemetry';
import type { WorkerJob } from './worker-job.js';

/** What a worker's part of a job came to. */
const OUTCOME = 'foretell.job.outcome';

/** From when a job was taken until it has ended, or gone back. @returns undefined where it is not traced. */
export function startJobSpan(job: WorkerJob): Span | undefined {
  if (!isTracing()) return undefined;
  const { message, model, takenAt } = job;
  return startSpan(`job ${model}`, message, {
    kind: 'consumer',
    startTime: takenAt,
    attributes: {
      'messaging.system': 'bullmq',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'job',
      'messaging.message.id': job.id,
      'foretell.request.id': message.requestId,
      'foretell.model': model,
      'foretell.version': message.version,
      'foretell.rows': job.count,
      'foretell.job.attempt': job.attempt,
      // Until it is known to have ended.
      [OUTCOME]: 'handed-back',
    },
  });
}

/** @param problem its code, where there is one. */
export function tellOutcome({ span }: WorkerJob, outcome: string, problem?: string): void {
  span?.setAttribute(OUTCOME, outcome);
  if (span && problem !== undefined) failSpan(span, problem);
}

/**
 * A span for every batch that has a traced job: from when it is sent to a runner until the results are
 * published, with one for each stage. It is under its first such job and linked to all of them, and they
 * to it, as a span has but one parent.
 */
export class BatchSpans {
  private readonly open = new WeakMap<Batch<WorkerJob>, Span>();

  sent(batch: Batch<WorkerJob>): void {
    if (!isTracing()) return;
    const jobs = new Set(batch.slices.map(({ job }) => job));
    const members = [...jobs].flatMap(({ span }) => span ?? []);
    const [first] = members;
    const [slice] = batch.slices;
    if (!first || !slice) return;
    const { model, message } = slice.job;
    const span = startSpan(`batch ${model}`, first, {
      kind: 'internal',
      links: members,
      attributes: {
        'messaging.batch.message_count': jobs.size,
        'foretell.model': model,
        'foretell.version': message.version,
        'foretell.rows': batch.rows,
        'foretell.batch.reason': batch.reason,
      },
    });
    if (!span) return;
    this.open.set(batch, span);
    for (const member of members) member.addLink({ context: span.spanContext() });
  }

  /** Its stages, by the runner's clock, up to now. */
  ran(batch: Batch<WorkerJob>, { timing, outOfMemory }: RanReply): void {
    const span = this.open.get(batch);
    if (!span) return;
    if (outOfMemory) span.setAttribute('foretell.batch.out_of_memory', true);
    const { preprocessMs, inferenceMs, postprocessMs } = timing;
    let startTime = Date.now() - preprocessMs - inferenceMs - postprocessMs;
    for (const [stage, ms] of Object.entries({
      preprocess: preprocessMs,
      inference: inferenceMs,
      postprocess: postprocessMs,
    })) {
      const part = startSpan(stage, span, { kind: 'internal', startTime, attributes: {} });
      startTime += ms;
      part?.end(startTime);
    }
  }

  /** @param error why it came to nothing: only its name is told. */
  ended(batch: Batch<WorkerJob>, error?: unknown): void {
    const span = this.open.get(batch);
    if (!span) return;
    if (error !== undefined) failSpan(span, error instanceof Error ? error.name : 'error');
    span.end();
    this.open.delete(batch);
  }
}
