import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { isTerminal } from '#libs/contracts';
import type { JobRecord } from '#libs/jobs';
import type { Caller } from '../http/caller.js';
import { hangUpOf } from '../http/hang-up.js';
import { JobReader } from './job.reader.js';
import { JobWatches } from './job.watches.js';

/** A job whose end a client is ready to wait for. */
export interface Awaited {
  id: string;
  caller: Caller;
  waitS: number;
}

/** Holds answers back until their jobs have ended. */
@Injectable()
export class JobWaiter {
  constructor(
    private readonly watches: JobWatches,
    private readonly reader: JobReader,
  ) {}

  /** As `untilEnded`, for the answer to a request. */
  async hold(reply: FastifyReply, { id, caller, waitS }: Awaited): Promise<JobRecord | undefined> {
    const record = await this.untilEnded(id, caller, waitS * 1000, hangUpOf(reply));
    // Kept alive beyond its last answer, the connection would keep this process from stopping.
    if (this.watches.isStopping) reply.header('connection', 'close');
    return record;
  }

  /**
   * The job once it has ended; else as it stands after `ms`, or when this process is to stop. The last
   * look heals news that were lost.
   * @returns undefined where the client hung up before; then nothing more is read.
   * @throws ProblemError where there is no such job of the caller's, or no longer.
   */
  async untilEnded(
    id: string,
    caller: Caller,
    ms: number,
    hangUp: AbortSignal,
  ): Promise<JobRecord | undefined> {
    const deadline = performance.now() + ms;
    const watch = this.watches.start(id, hangUp);
    let isLastLook = ms <= 0;
    try {
      while (!hangUp.aborted) {
        const record = await this.reader.find(id, caller);
        if (isTerminal(record.status) || isLastLook) return record;
        const leftMs = deadline - performance.now();
        const hasNews = await watch.news(leftMs);
        isLastLook = !hasNews || leftMs <= 0;
      }
      return undefined;
    } finally {
      watch.end();
    }
  }
}
