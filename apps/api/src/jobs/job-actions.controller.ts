import { Body, Controller, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import type { JobView } from '#libs/contracts';
import { callerOf } from '../http/caller.js';
import { DtoPipe } from '../http/dto.pipe.js';
import { jobHeaders } from '../http/job.headers.js';
import { ApiJob, ApiJobAccepted, ApiProblems } from '../openapi/responses.js';
import { Scope } from '../security/scope.decorator.js';
import { BulkCancelAnswer, BulkCancelDto } from './bulk-cancel.dto.js';
import { JobActions } from './job.actions.js';
import { JobReader } from './job.reader.js';

/** The version that the job was submitted for may be gone. */
const NOT_SERVED = ['model-not-found', 'version-not-found', 503] as const;

@ApiTags('jobs')
@Scope('predict')
@Controller('v1/jobs')
export class JobActionsController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly actions: JobActions,
    private readonly reader: JobReader,
  ) {}

  @Post('cancel')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'cancelJobs',
    summary: 'Cancel all of your jobs of a model that have not ended',
  })
  @ApiOkResponse({ type: BulkCancelAnswer, description: 'How many were canceled' })
  @ApiProblems('invalid-request', 'queue-unavailable')
  async cancelAll(
    @Req() request: FastifyRequest,
    @Body(new DtoPipe(BulkCancelDto)) body: BulkCancelDto,
  ): Promise<BulkCancelAnswer> {
    return { canceled: await this.actions.cancelAll(body, callerOf(request, this.config)) };
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({
    operationId: 'cancelJob',
    summary: 'Cancel a job that has not ended; may be repeated',
  })
  @ApiJob()
  @ApiProblems('job-not-found', 'job-ended', 'job-gone', 'job-lost', 'queue-unavailable')
  async cancel(@Req() request: FastifyRequest, @Param('id') id: string): Promise<JobView> {
    const caller = callerOf(request, this.config);
    return this.reader.view(await this.actions.cancel(id, caller), caller);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @RouteConfig({ ignoreBody: true, submits: true })
  @ApiOperation({
    operationId: 'retryJob',
    summary: 'Queue a job again that failed, expired or was canceled',
  })
  @ApiJobAccepted()
  @ApiProblems('job-not-found', 'job-not-retryable', 'job-gone', 'job-lost', 429, ...NOT_SERVED)
  async retry(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('id') id: string,
  ): Promise<JobView> {
    const caller = callerOf(request, this.config);
    const record = await this.actions.retry(id, caller);
    reply.headers(jobHeaders(record.spec.id, false));
    return this.reader.view(record, caller);
  }
}
