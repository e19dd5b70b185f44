import { Controller, Get, Inject, Param, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { type JobView, ProblemError } from '#libs/contracts';
import { isJobId, isOver, JobStore, toJobView } from '#libs/jobs';
import { callerOf } from '../http/caller.js';
import { ApiJob, ApiProblems } from '../openapi/responses.js';

@ApiTags('jobs')
@ApiProblems(401, 404, 503)
@Controller()
export class JobsController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jobs: JobStore,
  ) {}

  @Get(['v1/jobs/:id', 'jobs/:id'])
  @ApiOperation({ summary: 'The job, with its result once it has ended' })
  @ApiJob()
  async get(@Req() request: FastifyRequest, @Param('id') id: string): Promise<JobView> {
    const caller = callerOf(request, this.config);
    const record = isJobId(id) ? await this.jobs.find(id) : null;
    // Another owner's job looks like none at all.
    // One that is kept for a callback alone is over for its reader.
    if (record?.spec.owner !== caller.owner || isOver(record)) {
      throw new ProblemError(
        'job-not-found',
        'No job of yours has this id, or it is kept no longer.',
      );
    }
    return toJobView(record, caller.baseUrl);
  }
}
