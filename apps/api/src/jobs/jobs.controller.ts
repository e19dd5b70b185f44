import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import type { JobView } from '#libs/contracts';
import { callerOf } from '../http/caller.js';
import { parsePrefer } from '../http/prefer.js';
import { ApiJob, ApiProblems, TOO_MANY_HELD } from '../openapi/responses.js';
import { ApiPrefer } from '../openapi/waiting.js';
import { Scope } from '../security/scope.decorator.js';
import { JobReader } from './job.reader.js';
import { JobWaiter } from './job.waiter.js';

@ApiTags('jobs')
@Scope('read')
@Controller()
export class JobsController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly reader: JobReader,
    private readonly waiter: JobWaiter,
  ) {}

  @Get(['v1/jobs/:id', 'jobs/:id'])
  @RouteConfig({ holds: 'preferred' })
  @ApiOperation({ operationId: 'getJob', summary: 'The job, with its result once it has ended' })
  @ApiPrefer()
  @ApiJob('Preference-Applied', 'Vary')
  @ApiProblems('job-not-found', 'job-gone', 'job-lost', ...TOO_MANY_HELD, 'queue-unavailable')
  async get(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('id') id: string,
  ): Promise<JobView | undefined> {
    const caller = callerOf(request, this.config);
    const { waitS } = parsePrefer(request.headers['prefer']);
    reply.header('vary', 'Prefer');
    if (waitS === undefined) return this.reader.view(await this.reader.find(id, caller), caller);
    reply.header('preference-applied', `wait=${waitS}`);
    const record = await this.waiter.hold(reply, { id, caller, waitS });
    return record && this.reader.view(record, caller);
  }
}
