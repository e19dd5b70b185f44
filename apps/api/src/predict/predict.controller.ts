import {
  Body,
  Controller,
  Inject,
  Param,
  Post,
  Req,
  Res,
  type StreamableFile,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { type JobView, ProblemError } from '#libs/contracts';
import { callerOf } from '../http/caller.js';
import { isWait } from '../limits/held.limits.js';
import { ApiProblems } from '../openapi/responses.js';
import { ApiModelVersion, ApiSubmission } from '../openapi/submission.js';
import { Scope } from '../security/scope.decorator.js';
import { askedVersion } from './asked-version.js';
import { BodyPipe } from './body.pipe.js';
import { Disconnects } from './disconnects.js';
import { idempotencyKeyOf } from './idempotency-key.js';
import { PredictAnyDto, PredictDto } from './predict.dto.js';
import { PredictService } from './predict.service.js';
import { SubmissionAnswers } from './submission.answers.js';
import { traceSubmission } from './submission.spans.js';

const SUBMITS: FastifyContextConfig = { submits: true, holds: 'preferred', mayStream: true };

type Answer = JobView | StreamableFile | undefined;

@ApiTags('predictions')
@ApiConsumes('application/json', 'multipart/form-data')
@ApiProblems('model-not-found', 'version-not-found', 'job-gone', 422, 429, 503)
@Scope('predict')
@Controller()
export class PredictController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly predictions: PredictService,
    private readonly answers: SubmissionAnswers,
    private readonly disconnects: Disconnects,
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
  ): Promise<Answer> {
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
  ): Promise<Answer> {
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
  ): Promise<Answer> {
    return this.submit(request, reply, body, model, version);
  }

  private async submit(
    request: FastifyRequest,
    reply: FastifyReply,
    body: PredictDto,
    model: string,
    named: string | undefined,
  ): Promise<Answer> {
    checkDisconnect(request, body);
    const caller = callerOf(request, this.config);
    const idempotencyKey = idempotencyKeyOf(request);
    const { headers } = request;
    const asked = { model, version: askedVersion(request, named), body, headers, idempotencyKey };
    const submitted = await traceSubmission(caller, (traced) =>
      this.predictions.submit(traced, asked),
    );
    if (body.cancel_on_disconnect) {
      this.disconnects.cancel(reply, submitted.record.spec.id, caller);
    }
    return this.answers.answer(request, reply, submitted, caller);
  }
}

/** @throws ProblemError `invalid-request` where the answer comes at once, so that nobody could go before. */
function checkDisconnect(request: FastifyRequest, { cancel_on_disconnect }: PredictDto): void {
  if (cancel_on_disconnect !== true || isWait(request)) return;
  const message = 'needs Prefer: wait, or Accept: text/event-stream';
  throw new ProblemError('invalid-request', 'Correct the fields named in errors.', {
    errors: [{ pointer: '/cancel_on_disconnect', message }],
  });
}
