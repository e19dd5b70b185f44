import { Controller, Get, Inject, Param, Req, Res, type StreamableFile } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { EVENTS_TYPE } from '../http/accept.js';
import { callerOf } from '../http/caller.js';
import { hangUpOf } from '../http/hang-up.js';
import { ApiProblems, TOO_MANY_HELD } from '../openapi/responses.js';
import { ApiEvents } from '../openapi/waiting.js';
import { Scope } from '../security/scope.decorator.js';
import { EventAnswers, lastEventIdOf } from './event.answers.js';
import { positionAfter } from './job.events.js';
import { JobReader } from './job.reader.js';
import { JobWatches } from './job.watches.js';

@ApiTags('jobs')
@Scope('read')
@Controller()
export class EventsController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly reader: JobReader,
    private readonly watches: JobWatches,
    private readonly answers: EventAnswers,
  ) {}

  @Get(['v1/jobs/:id/events', 'jobs/:id/events'])
  @ApiOperation({ operationId: 'followJob', summary: 'The job as it goes, as server-sent events' })
  @RouteConfig({ produces: EVENTS_TYPE, holds: 'stream' })
  @ApiEvents()
  @ApiProblems('job-not-found', 'job-gone', 'job-lost', ...TOO_MANY_HELD, 'queue-unavailable')
  async follow(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('id') id: string,
  ): Promise<StreamableFile | undefined> {
    const caller = callerOf(request, this.config);
    const watch = this.watches.start(id, hangUpOf(reply));
    const record = await this.reader.find(id, caller);
    const position = positionAfter(lastEventIdOf(request), record);
    return this.answers.answer(reply, record, { caller, position, watch });
  }
}
