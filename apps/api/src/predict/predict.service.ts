import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { clock } from '#libs/clock';
import { CONFIG, type Config } from '#libs/config';
import {
  createdAtOf,
  type JobRecord,
  type JobSpec,
  newJobId,
  startBy,
  type Submission,
} from '#libs/jobs';
import { tellsText } from '#libs/models';
import { ApiMetrics } from '../api.metrics.js';
import type { Caller } from '../http/caller.js';
import { Timekeeper } from '../jobs/timekeeper.js';
import { Admission } from '../limits/admission.js';
import { ModelCatalog } from '../models/model.catalog.js';
import { VersionRouter } from '../models/version.router.js';
import { WebhookTargets } from '../webhooks/webhook.targets.js';
import { Acceptance } from './acceptance.js';
import { clocksOf } from './clocks.js';
import { CsvInput } from './csv.input.js';
import { fingerprintOf } from './idempotency-key.js';
import { InputChecks } from './input.checks.js';
import { countOf, inputOf, instancesOf, textOf } from './input.text.js';
import { KeyedSubmissions, type Submitted } from './keyed.submissions.js';
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
    private readonly checks: InputChecks,
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
    const given = inputOf(body);
    // Of CSV it is the text itself that is sent again.
    const input = given instanceof CsvInput ? undefined : textOf(given, body.parameters);
    const what = input ?? String((given as CsvInput).bytes);
    const fingerprint = fingerprintOf(model, version, body, what);
    const request = { owner: caller.owner, key, fingerprint };
    const inputFor =
      input === undefined ? (spec: JobSpec) => this.rowsFor(spec, body) : () => input;
    return this.keyed.submit(caller, request, inputFor, async (id) => {
      const submission = await this.draft(caller, asked, id, input);
      await this.checkWebhook(submission, asked);
      return submission;
    });
  }

  /** The text of CSV as the version of a job reads it. */
  private async rowsFor({ model, version }: JobSpec, body: PredictDto): Promise<string> {
    const { rows = [] } = await this.checks.check(this.catalog.get(model).find(version), body);
    return textOf(rows, body.parameters);
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
    const checking = this.checks.check(served, body);
    const checked = checking instanceof Promise ? await checking : checking;
    const { warnings, shape, lines, urls } = checked;
    const instances = instancesOf(body, checked);
    const input = known ?? textOf(instances, body.parameters);
    const remote = urls ? true : undefined;
    const many = body.inputs !== undefined;
    const spec: JobSpec = {
      id,
      model,
      version: served.report.version,
      versionReason: reason === 'default' ? undefined : reason,
      count: countOf(instances),
      bytes: Buffer.byteLength(input),
      many,
      tellsText: (!many && tellsText(served.report)) || undefined,
      owner: caller.owner,
      // The id's own time, which lists are searched by; one that was claimed may be older than its job.
      createdAt: claimed === undefined ? createdAtOf(id) : clock.now(),
      ...clocksOf(body, served.report.defaults, this.config),
      priority: body.priority === 'normal' ? undefined : body.priority,
      requestId: caller.requestId,
      traceparent: caller.traceparent,
      metadata,
      warnings,
      shape,
      webhook: this.webhooks.of(caller.owner, body.webhook),
      remote,
      // What a URL leads to today may be another file tomorrow.
      cache: remote
        ? undefined
        : this.acceptance.cacheUse(served.report, caller.owner, { text: input, lines }, headers),
    };
    return { spec, input, bundleRows: served.rowsPerRun, quota };
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
