import { Readable } from 'node:stream';
import { Controller, Get, Inject, Logger, Param, Req, Res, StreamableFile } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { callerOf } from '../http/caller.js';
import { hangUpOf } from '../http/hang-up.js';
import { ApiProblems, TOO_MANY_HELD } from '../openapi/responses.js';
import { ApiEvents } from '../openapi/waiting.js';
import { Scope } from '../security/scope.decorator.js';
import { EventStreams } from './event.streams.js';
import { isAtEnd, positionAfter } from './job.events.js';
import { JobReader } from './job.reader.js';
import { JobWatches } from './job.watches.js';

/** A reader that takes nothing for so many heartbeats is dropped. */
const PATIENCE_HEARTBEATS = 4;
/** Longest that a reader may take over its last bytes once this process is to stop. */
const LAST_BYTES_MS = 1000;

@ApiTags('jobs')
@Scope('read')
@Controller()
export class EventsController {
  private readonly logger = new Logger('Events');
  private readonly patienceMs: number;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly reader: JobReader,
    private readonly watches: JobWatches,
    private readonly streams: EventStreams,
  ) {
    this.patienceMs = PATIENCE_HEARTBEATS * config.server.EVENTS_HEARTBEAT_S * 1000;
  }

  @Get(['v1/jobs/:id/events', 'jobs/:id/events'])
  @ApiOperation({ operationId: 'followJob', summary: 'The job as it goes, as server-sent events' })
  @RouteConfig({ produces: 'text/event-stream', holds: 'stream' })
  @ApiEvents()
  @ApiProblems('job-not-found', 'job-gone', ...TOO_MANY_HELD, 'queue-unavailable')
  async follow(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('id') id: string,
  ): Promise<StreamableFile | undefined> {
    const caller = callerOf(request, this.config);
    const watch = this.watches.start(id, hangUpOf(reply));
    const record = await this.reader.find(id, caller);
    const position = positionAfter(lastEventIdOf(request), record);
    reply.header('cache-control', 'no-store');
    if (isAtEnd(position)) {
      // Which keeps a browser from asking again and again.
      reply.status(204);
      return undefined;
    }
    // Nginx would gather events before it passes them on.
    reply.header('x-accel-buffering', 'no');
    // A connection that stays open after the stream would keep this process from stopping.
    reply.header('connection', 'close');
    reply.raw.setTimeout(this.patienceMs, () => {
      this.logger.warn({ job_id: id, request_id: request.id }, 'slow reader dropped');
      reply.raw.destroy();
    });
    watch.onStop = () => {
      setTimeout(() => reply.raw.destroy(), LAST_BYTES_MS).unref();
    };
    const events = this.streams.follow(record, { caller, position, watch });
    return new StreamableFile(Readable.from(events, { objectMode: false }), {
      type: 'text/event-stream',
    });
  }
}

function lastEventIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' ? id : undefined;
}
