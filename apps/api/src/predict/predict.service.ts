import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import {
  createdAtOf,
  inputText,
  type JobSpec,
  newJobId,
  queuedRecord,
  startBy,
  type Submission,
  Submitter,
} from '#libs/jobs';
import { ApiMetrics } from '../api.metrics.js';
import type { Caller } from '../http/caller.js';
import { Timekeeper } from '../jobs/timekeeper.js';
import { ModelCatalog } from '../models/model.catalog.js';
import { WebhookTargets } from '../webhooks/webhook.targets.js';
import { clocksOf } from './clocks.js';
import { fingerprintOf } from './idempotency-key.js';
import { KeyedSubmissions, type Submitted } from './keyed.submissions.js';
import type { PredictDto } from './predict.dto.js';
import { shapeOf } from './shape.js';

/** A submission as it came in. */
export interface Asked {
  model: string;
  version: string | undefined;
  body: PredictDto;
  idempotencyKey?: string | undefined;
}

/** From a valid body to an accepted job. */
@Injectable()
export class PredictService {
  private readonly logger = new Logger('Predict');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly catalog: ModelCatalog,
    private readonly submitter: Submitter,
    private readonly keyed: KeyedSubmissions,
    private readonly webhooks: WebhookTargets,
    private readonly metrics: ApiMetrics,
    private readonly timekeeper: Timekeeper,
  ) {}

  /** @throws ProblemError when the model is not there, the body does not fit it, or Redis is away. */
  async submit(caller: Caller, asked: Asked): Promise<Submitted> {
    const { idempotencyKey } = asked;
    const submitted =
      idempotencyKey === undefined
        ? await this.submitNew(this.draft(caller, asked), asked)
        : await this.submitKeyed(caller, asked, idempotencyKey);
    if (!submitted.replayed) this.accepted(submitted.record.spec);
    return submitted;
  }

  private submitKeyed(caller: Caller, asked: Asked, key: string): Promise<Submitted> {
    const { model, version, body } = asked;
    const input = textOf(body);
    const fingerprint = fingerprintOf(model, version, body, input);
    const request = { owner: caller.owner, key, fingerprint };
    return this.keyed.submit(caller, request, input, async (id) => {
      const submission = this.draft(caller, asked, id, input);
      await this.checkWebhook(submission, asked);
      return submission;
    });
  }

  private async submitNew(submission: Submission, asked: Asked): Promise<Submitted> {
    // Most have none, and are not to wait for a turn.
    if (submission.spec.webhook) await this.checkWebhook(submission, asked);
    await this.submitter.submit(submission);
    return { record: queuedRecord(submission.spec), replayed: false };
  }

  private async checkWebhook({ spec }: Submission, { body }: Asked): Promise<void> {
    if (spec.webhook) await this.webhooks.check(spec.webhook, body.webhook);
  }

  /** @param known the text of the input, where it was made already: what is not valid is not worth making it. */
  private draft(caller: Caller, asked: Asked, claimed?: string, known?: string): Submission {
    const { model, version, body } = asked;
    const served = this.catalog.resolve(model, version);
    const id = claimed ?? newJobId(served.partition);
    const instances = instancesOf(body);
    const many = body.inputs !== undefined;
    const warnings = served.validator().validate(instances, many, body.parameters);
    const input = known ?? textOf(body);
    const spec: JobSpec = {
      id,
      model,
      version: served.report.version,
      count: instances.length,
      bytes: Buffer.byteLength(input),
      many,
      owner: caller.owner,
      // The id's own time, which lists are searched by; one that was claimed may be older than its job.
      createdAt: claimed === undefined ? createdAtOf(id) : Date.now(),
      ...clocksOf(body, served.report.defaults, this.config),
      priority: body.priority === 'normal' ? undefined : body.priority,
      requestId: caller.requestId,
      traceparent: caller.traceparent,
      metadata: body.metadata ?? {},
      warnings,
      shape: shapeOf(served.report, instances),
      webhook: this.webhooks.of(caller.owner, body.webhook),
    };
    return { spec, input, bundleRows: served.rowsPerRun };
  }

  private accepted(spec: JobSpec): void {
    const { id, requestId, model, version, count, warnings } = spec;
    const deadline = startBy(spec, spec.createdAt);
    if (deadline !== undefined) this.timekeeper.expectAt(model, deadline);
    this.metrics.jobAccepted(model, version);
    const line = { job_id: id, request_id: requestId, model, version, instances: count };
    if (warnings.length > 0) {
      this.logger.warn({ ...line, fields: warnings.map((w) => w.pointer) }, 'input out of range');
    }
    this.logger.log(line, 'job accepted');
  }
}

/** As it is stored. */
function textOf(body: PredictDto): string {
  return inputText(instancesOf(body), body.parameters);
}

function instancesOf({ input, inputs }: PredictDto): unknown[] {
  return inputs ?? [input];
}
