import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { inputText, inputTextOf } from '#libs/contracts';
import {
  createdAtOf,
  type JobRecord,
  type JobSpec,
  newJobId,
  startBy,
  type Submission,
} from '#libs/jobs';
import { ApiMetrics } from '../api.metrics.js';
import type { Caller } from '../http/caller.js';
import { Timekeeper } from '../jobs/timekeeper.js';
import { Admission } from '../limits/admission.js';
import type { CatalogVersion } from '../models/catalog.model.js';
import { ModelCatalog } from '../models/model.catalog.js';
import { VersionRouter } from '../models/version.router.js';
import { WebhookTargets } from '../webhooks/webhook.targets.js';
import { Acceptance } from './acceptance.js';
import { type CheckedInput, checkInput } from './checked.input.js';
import { clocksOf } from './clocks.js';
import { fingerprintOf } from './idempotency-key.js';
import { KeyedSubmissions, type Submitted } from './keyed.submissions.js';
import { LargeBodies } from './large.bodies.js';
import { LargeInput } from './large.input.js';
import type { PredictDto } from './predict.dto.js';

/** A submission as it came in. */
export interface Asked {
  model: string;
  /** Or an alias. */
  version: string | undefined;
  body: PredictDto;
  headers: IncomingHttpHeaders;
  idempotencyKey?: string | undefined;
}

/** From a valid body to an accepted job. */
@Injectable()
export class PredictService {
  private readonly logger = new Logger('Predict');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly catalog: ModelCatalog,
    private readonly router: VersionRouter,
    private readonly acceptance: Acceptance,
    private readonly keyed: KeyedSubmissions,
    private readonly webhooks: WebhookTargets,
    private readonly metrics: ApiMetrics,
    private readonly timekeeper: Timekeeper,
    private readonly admission: Admission,
    private readonly large: LargeBodies,
  ) {}

  /** @throws ProblemError when the model is not there, the body does not fit it, or Redis is away. */
  async submit(caller: Caller, asked: Asked): Promise<Submitted> {
    const { idempotencyKey } = asked;
    const submitted =
      idempotencyKey === undefined
        ? await this.submitNew(await this.draft(caller, asked), asked)
        : await this.submitKeyed(caller, asked, idempotencyKey);
    if (!submitted.replayed) this.accepted(submitted.record);
    return submitted;
  }

  private submitKeyed(caller: Caller, asked: Asked, key: string): Promise<Submitted> {
    const { model, version, body } = asked;
    const input = textOf(body);
    const fingerprint = fingerprintOf(model, version, body, input);
    const request = { owner: caller.owner, key, fingerprint };
    return this.keyed.submit(caller, request, input, async (id) => {
      const submission = await this.draft(caller, asked, id, input);
      await this.checkWebhook(submission, asked);
      return submission;
    });
  }

  private async submitNew(submission: Submission, asked: Asked): Promise<Submitted> {
    // Most have none, and are not to wait for a turn.
    if (submission.spec.webhook) await this.checkWebhook(submission, asked);
    return { record: await this.acceptance.accept(submission), replayed: false };
  }

  private async checkWebhook({ spec }: Submission, { body }: Asked): Promise<void> {
    if (spec.webhook) await this.webhooks.check(spec.webhook, body.webhook);
  }

  /** @param known the text of the input, where it was made already: what is not valid is not worth making it. */
  private async draft(
    caller: Caller,
    asked: Asked,
    claimed?: string,
    known?: string,
  ): Promise<Submission> {
    const { model, version, body, headers } = asked;
    const { metadata = {} } = body;
    const found = this.catalog.get(model);
    const id = claimed ?? newJobId(found.partition);
    const { served, reason } = this.router.route(found, version, { id, metadata, headers });
    const quota = this.admission.admit(caller.queued ?? null, model);
    const many = body.inputs !== undefined;
    const checked = this.check(served, body, many);
    const { warnings, shape, lines } = checked instanceof Promise ? await checked : checked;
    const input = known ?? textOf(body);
    const spec: JobSpec = {
      id,
      model,
      version: served.report.version,
      versionReason: reason === 'default' ? undefined : reason,
      count: countOf(body),
      bytes: Buffer.byteLength(input),
      many,
      owner: caller.owner,
      // The id's own time, which lists are searched by; one that was claimed may be older than its job.
      createdAt: claimed === undefined ? createdAtOf(id) : Date.now(),
      ...clocksOf(body, served.report.defaults, this.config),
      priority: body.priority === 'normal' ? undefined : body.priority,
      requestId: caller.requestId,
      traceparent: caller.traceparent,
      metadata,
      warnings,
      shape,
      webhook: this.webhooks.of(caller.owner, body.webhook),
      cache: this.acceptance.cacheUse(served.report, caller.owner, { text: input, lines }, headers),
    };
    return { spec, input, bundleRows: served.rowsPerRun, quota };
  }

  private check(
    served: CatalogVersion,
    body: PredictDto,
    many: boolean,
  ): CheckedInput | Promise<CheckedInput> {
    const input = inputOf(body);
    const { report } = served;
    return input instanceof LargeInput
      ? this.large.check(report, input, many, body.parameters)
      : checkInput(report, served.validator(), input, many, body.parameters);
  }

  private accepted({ spec, end }: JobRecord): void {
    const { id, requestId, model, version, count, warnings } = spec;
    const line = { job_id: id, request_id: requestId, model, version, instances: count };
    if (warnings.length > 0) {
      this.logger.warn({ ...line, fields: warnings.map((w) => w.pointer) }, 'input out of range');
    }
    if (end?.cached) {
      this.logger.log(line, 'job answered from the cache');
      return;
    }
    const deadline = startBy(spec, spec.createdAt);
    if (deadline !== undefined) this.timekeeper.expectAt(model, deadline);
    this.metrics.jobAccepted(model, version);
    this.logger.log(line, 'job accepted');
  }
}

/** As it is stored. */
function textOf(body: PredictDto): string {
  const input = inputOf(body);
  return input instanceof LargeInput
    ? inputTextOf(input.lines, body.parameters)
    : inputText(input, body.parameters);
}

function countOf(body: PredictDto): number {
  const input = inputOf(body);
  return input instanceof LargeInput ? input.count : input.length;
}

function inputOf({ input, inputs }: PredictDto): unknown[] | LargeInput {
  return inputs ?? (input instanceof LargeInput ? input : [input]);
}
