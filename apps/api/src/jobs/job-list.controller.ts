import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import type { JobView } from '#libs/contracts';
import { callerOf } from '../http/caller.js';
import type { Page } from '../http/page.js';
import { ApiProblems } from '../openapi/responses.js';
import { Scope } from '../security/scope.decorator.js';
import { JobLister } from './job.lister.js';
import { ApiJobList } from './job-list.openapi.js';
import { type RawQuery, readListQuery } from './list.query.js';

@ApiTags('jobs')
@Scope('read')
@Controller('v1/jobs')
export class JobListController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly lister: JobLister,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'listJobs', summary: 'Your jobs, newest first' })
  @ApiJobList()
  @ApiProblems('invalid-request', 'queue-unavailable')
  list(@Req() request: FastifyRequest, @Query() query: RawQuery): Promise<Page<JobView>> {
    return this.lister.page(readListQuery(query), callerOf(request, this.config));
  }
}
