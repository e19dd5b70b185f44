import { Body, Controller, Header, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import type { JobView } from '#libs/contracts';
import { callerOf } from '../http/caller.js';
import { ApiJobAccepted, ApiProblems } from '../openapi/responses.js';
import { BodyPipe } from './body.pipe.js';
import { PredictAnyDto, PredictDto } from './predict.dto.js';
import { PredictService } from './predict.service.js';

/** Seconds after which a client may sensibly ask for the first time. */
const RETRY_AFTER_S = '1';

@ApiTags('predictions')
@ApiConsumes('application/json', 'multipart/form-data')
@ApiProblems(400, 401, 404, 413, 415, 422, 503)
@Controller()
export class PredictController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly predictions: PredictService,
  ) {}

  @Post(['v1/predict', 'predict'])
  @HttpCode(202)
  @Header('retry-after', RETRY_AFTER_S)
  @ApiOperation({ summary: 'Submit a job; the body names the model' })
  @ApiBody({ type: PredictAnyDto })
  @ApiJobAccepted()
  submitAny(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body(new BodyPipe(PredictAnyDto)) body: PredictAnyDto,
  ): Promise<JobView> {
    return this.submit(request, reply, body, body.model, body.version);
  }

  @Post('v1/models/:model/predict')
  @HttpCode(202)
  @Header('retry-after', RETRY_AFTER_S)
  @ApiOperation({ summary: 'Submit a job to the default version of a model' })
  @ApiBody({ type: PredictDto })
  @ApiJobAccepted()
  submitToModel(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('model') model: string,
    @Body(new BodyPipe(PredictDto)) body: PredictDto,
  ): Promise<JobView> {
    return this.submit(request, reply, body, model, undefined);
  }

  @Post('v1/models/:model/versions/:version/predict')
  @HttpCode(202)
  @Header('retry-after', RETRY_AFTER_S)
  @ApiOperation({ summary: 'Submit a job to one version of a model' })
  @ApiBody({ type: PredictDto })
  @ApiJobAccepted()
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
    version: string | undefined,
  ): Promise<JobView> {
    const caller = callerOf(request, this.config);
    const job = await this.predictions.submit(caller, body, model, version);
    reply.header('location', `/v1/jobs/${job.id}`);
    return job;
  }
}
