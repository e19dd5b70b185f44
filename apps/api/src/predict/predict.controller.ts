import { Body, Controller, Inject, Logger, Param, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { isTerminal, type JobView } from '#libs/contracts';
import { type JobRecord, toJobView } from '#libs/jobs';
import { type Caller, callerOf } from '../http/caller.js';
import { jobHeaders } from '../http/job.headers.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import { JobReader } from '../jobs/job.reader.js';
import { JobWaiter } from '../jobs/job.waiter.js';
import { ApiProblems } from '../openapi/responses.js';
import { ApiModelVersion, ApiSubmission } from '../openapi/submission.js';
import { Scope } from '../security/scope.decorator.js';
import { askedVersion } from './asked-version.js';
import { BodyPipe } from './body.pipe.js';
import { idempotencyKeyOf } from './idempotency-key.js';
import { PredictAnyDto, PredictDto } from './predict.dto.js';
import { PredictService } from './predict.service.js';
import { traceSubmission } from './submission.spans.js';

const SUBMITS: FastifyContextConfig = { submits: true, holds: 'preferred' };

@ApiTags('predictions')
@ApiConsumes('application/json', 'multipart/form-data')
@ApiProblems('model-not-found', 'version-not-found', 'job-gone', 422, 429, 503)
@Scope('predict')
@Controller()
export class PredictController {
  private readonly logger = new Logger('Predict');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly predictions: PredictService,
    private readonly reader: JobReader,
    private readonly waiter: JobWaiter,
  ) {}

  @Post(['v1/predict', 'predict'])
  @ApiOperation({ operationId: 'submit', summary: 'Submit a job; the body names the model' })
  @RouteConfig(SUBMITS)
  @ApiModelVersion()
  @ApiBody({ type: PredictAnyDto })
  @ApiSubmission()
  submitAny(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body(new BodyPipe(PredictAnyDto)) body: PredictAnyDto,
  ): Promise<JobView> {
    return this.submit(request, reply, body, body.model, body.version);
  }

  @Post('v1/models/:model/predict')
  @ApiOperation({
    operationId: 'submitToModel',
    summary: 'Submit a job to a model: its rollout, or its default, says to which version',
  })
  @RouteConfig(SUBMITS)
  @ApiModelVersion()
  @ApiBody({ type: PredictDto })
  @ApiSubmission()
  submitToModel(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('model') model: string,
    @Body(new BodyPipe(PredictDto)) body: PredictDto,
  ): Promise<JobView> {
    return this.submit(request, reply, body, model, undefined);
  }

  @Post('v1/models/:model/versions/:version/predict')
  @ApiOperation({
    operationId: 'submitToVersion',
    summary: 'Submit a job to one version of a model',
  })
  @RouteConfig(SUBMITS)
  @ApiBody({ type: PredictDto })
  @ApiSubmission()
  submitToVersion(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('model') model: string,
    @Param('version') version: string,
    @Body(new BodyPipe(PredictDto)) body: PredictDto,
  ): Promise<JobView> {
    return this.submit(request, reply, body, model, version);
  }

  private async submit(
    request: FastifyRequest,
    reply: FastifyReply,
    body: PredictDto,
    model: string,
    named: string | undefined,
  ): Promise<JobView> {
    const caller = callerOf(request, this.config);
    const idempotencyKey = idempotencyKeyOf(request);
    const { headers } = request;
    const asked = { model, version: askedVersion(request, named), body, headers, idempotencyKey };
    const { record, replayed } = await traceSubmission(caller, (traced) =>
      this.predictions.submit(traced, asked),
    );
    const job =
      request.headers['prefer'] === undefined
        ? await this.view(record, caller)
        : await this.asPreferred(request, reply, record, caller);
    const ended = isTerminal(job.status);
    reply.status(ended ? 200 : 202).headers(jobHeaders(job.id, ended));
    if (replayed) reply.header('idempotency-replayed', 'true');
    return job;
  }

  /** @returns the job once it has ended, or as it stands when its client has waited for long enough. */
  private async asPreferred(
    request: FastifyRequest,
    reply: FastifyReply,
    accepted: JobRecord,
    caller: Caller,
  ): Promise<JobView> {
    const asked = parsePrefer(request.headers['prefer']);
    const job =
      asked.waitS === undefined || isTerminal(accepted.status)
        ? await this.view(accepted, caller)
        : await this.afterWait(reply, accepted, caller, asked.waitS);
    const applied = preferenceApplied(asked, !isTerminal(job.status));
    if (applied !== undefined) reply.header('preference-applied', applied);
    reply.header('vary', 'Prefer');
    return job;
  }

  private async afterWait(
    reply: FastifyReply,
    accepted: JobRecord,
    caller: Caller,
    waitS: number,
  ): Promise<JobView> {
    const { id } = accepted.spec;
    try {
      const record = await this.waiter.hold(reply, { id, caller, waitS });
      return await this.view(record ?? accepted, caller);
    } catch (err) {
      // It has been accepted: to say anything else would have it submitted again.
      this.logger.warn({ err, job_id: id, request_id: caller.requestId }, 'waiting broken off');
      return toJobView(accepted, caller.baseUrl);
    }
  }

  private async view(record: JobRecord, caller: Caller): Promise<JobView> {
    return isTerminal(record.status)
      ? this.reader.view(record, caller)
      : toJobView(record, caller.baseUrl);
  }
}
