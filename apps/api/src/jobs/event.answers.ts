import { Readable } from 'node:stream';
import { Inject, Injectable, Logger, StreamableFile } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import type { JobRecord } from '#libs/jobs';
import { EVENTS_TYPE } from '../http/accept.js';
import { EventStreams, type Follower } from './event.streams.js';
import { isAtEnd } from './job.events.js';

/** A reader that takes nothing for so many heartbeats is dropped. */
const PATIENCE_HEARTBEATS = 4;
/** Longest that a reader may take over its last bytes once this process is to stop. */
const LAST_BYTES_MS = 1000;

/** Answers requests with the events of a job. */
@Injectable()
export class EventAnswers {
  private readonly logger = new Logger('Events');
  private readonly patienceMs: number;

  constructor(
    @Inject(CONFIG) { server }: Config,
    private readonly streams: EventStreams,
  ) {
    this.patienceMs = PATIENCE_HEARTBEATS * server.EVENTS_HEARTBEAT_S * 1000;
  }

  /**
   * @param record of the job, as it was when the follower began to watch, or later.
   * @returns undefined where everything has been told: then there is no content.
   */
  answer(reply: FastifyReply, record: JobRecord, follower: Follower): StreamableFile | undefined {
    const { caller, position, watch } = follower;
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
      const line = { job_id: record.spec.id, request_id: caller.requestId };
      this.logger.warn(line, 'slow reader dropped');
      reply.raw.destroy();
    });
    watch.onStop = () => {
      setTimeout(() => reply.raw.destroy(), LAST_BYTES_MS).unref();
    };
    const events = this.streams.follow(record, follower);
    return new StreamableFile(Readable.from(events, { objectMode: false }), { type: EVENTS_TYPE });
  }
}

/** The `Last-Event-ID` of a request. */
export function lastEventIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' ? id : undefined;
}
