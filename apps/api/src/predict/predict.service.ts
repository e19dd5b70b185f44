import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type JobView, ProblemError, WEBHOOK_EVENTS } from '#libs/contracts';
import { type JobSpec, newJobId, queuedRecord, Submitter, toJobView } from '#libs/jobs';
import { OutboundForbidden, OutboundGuard } from '#libs/webhooks';
import { ApiMetrics } from '../api.metrics.js';
import type { Caller } from '../http/caller.js';
import { ModelCatalog } from '../models/model.catalog.js';
import type { PredictDto } from './predict.dto.js';

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
      requestId: caller.requestId,
      traceparent: caller.traceparent,
      metadata: body.metadata ?? {},
      warnings,
      webhook: this.webhook(body),
    };
    const { input, inputs, parameters } = body;
    await this.submitter.submit(spec, JSON.stringify({ input, inputs, parameters }));
    this.tell(spec);
    return toJobView(queuedRecord(spec), caller.baseUrl);
  }

  private resultTtl(asked: number | undefined): number {
    const { RESULT_TTL_S, MAX_RESULT_TTL_S } = this.config.jobs;
    if (asked === undefined) return RESULT_TTL_S;
    if (asked <= MAX_RESULT_TTL_S) return asked;
    throw new ProblemError('invalid-request', 'Ask for a shorter result_ttl_s.', {
      errors: [
        { pointer: '/result_ttl_s', message: `must not be above ${String(MAX_RESULT_TTL_S)}` },
      ],
    });
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
