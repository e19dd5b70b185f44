import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type JobView, ProblemError, WEBHOOK_EVENTS } from '#libs/contracts';
import { inputText, type JobSpec, newJobId, queuedRecord, Submitter, toJobView } from '#libs/jobs';
import { OutboundForbidden, OutboundGuard } from '#libs/webhooks';
import { ApiMetrics } from '../api.metrics.js';
import type { Caller } from '../http/caller.js';
import { ModelCatalog } from '../models/model.catalog.js';
import type { PredictDto } from './predict.dto.js';
import { shapeOf } from './shape.js';

/** From a valid body to an accepted job. */
@Injectable()
export class PredictService {
  private readonly logger = new Logger('Predict');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly catalog: ModelCatalog,
    private readonly submitter: Submitter,
    private readonly guard: OutboundGuard,
    private readonly metrics: ApiMetrics,
  ) {}

  /** @throws ProblemError when the model is not there or the body does not fit it. */
  async submit(
    caller: Caller,
    body: PredictDto,
    model: string,
    version: string | undefined,
  ): Promise<JobView> {
    const served = this.catalog.resolve(model, version);
    const many = body.inputs !== undefined;
    const instances = body.inputs ?? [body.input];
    const warnings = served.validator().validate(instances, many, body.parameters);
    const spec: JobSpec = {
      id: newJobId(served.partition),
      model,
      version: served.report.version,
      count: instances.length,
      many,
      owner: caller.owner,
      createdAt: Date.now(),
      resultTtlS: this.resultTtl(body.result_ttl_s),
      priority: body.priority === 'normal' ? undefined : body.priority,
      queueTimeoutS: body.queue_timeout_s,
      executionTimeoutS: this.executionTimeout(body.execution_timeout_s),
      requestId: caller.requestId,
      traceparent: caller.traceparent,
      metadata: body.metadata ?? {},
      warnings,
      webhook: this.webhook(body),
    };
    const input = inputText(instances, body.parameters);
    const shape = shapeOf(served.report, instances);
    await this.submitter.submit({ spec, input, shape, bundleRows: served.rowsPerRun });
    this.tell(spec);
    return toJobView(queuedRecord(spec), caller.baseUrl);
  }

  private resultTtl(asked: number | undefined): number {
    const { RESULT_TTL_S, MAX_RESULT_TTL_S } = this.config.jobs;
    return atMost(MAX_RESULT_TTL_S, 'result_ttl_s', asked) ?? RESULT_TTL_S;
  }

  /** A run that takes longer than `RUN_TIMEOUT_S` is stopped whatever was asked for. */
  private executionTimeout(asked: number | undefined): number | undefined {
    return atMost(this.config.models.RUN_TIMEOUT_S, 'execution_timeout_s', asked);
  }

  private webhook({ webhook }: PredictDto): JobSpec['webhook'] {
    if (!webhook) return undefined;
    try {
      this.guard.checkUrl(webhook.url);
    } catch (error) {
      if (!(error instanceof OutboundForbidden)) throw error;
      throw new ProblemError('url-forbidden', 'The webhook URL may not be called.', {
        errors: [{ pointer: '/webhook/url', message: error.message }],
      });
    }
    return { url: webhook.url, events: webhook.events ?? [...WEBHOOK_EVENTS] };
  }

  private tell({ id, requestId, model, version, count, warnings }: JobSpec): void {
    this.metrics.jobAccepted(model, version);
    const line = { job_id: id, request_id: requestId, model, version, instances: count };
    if (warnings.length > 0) {
      this.logger.warn({ ...line, fields: warnings.map((w) => w.pointer) }, 'input out of range');
    }
    this.logger.log(line, 'job accepted');
  }
}

/** @throws ProblemError `invalid-request` for more than the operator allows. */
function atMost(limit: number, field: string, asked: number | undefined): number | undefined {
  if (asked === undefined || asked <= limit) return asked;
  throw new ProblemError('invalid-request', `Ask for a shorter ${field}.`, {
    errors: [{ pointer: `/${field}`, message: `must not be above ${String(limit)}` }],
  });
}
