import { Injectable, Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ProblemError } from '#libs/contracts';
import { LastingTrouble } from '#libs/telemetry';
import type { Caller } from '../http/caller.js';
import { JobActions } from '../jobs/job.actions.js';
import { JobWatches } from '../jobs/job.watches.js';

/** Cancels jobs whose clients go before they have their answer. */
@Injectable()
export class Disconnects {
  private readonly logger = new Logger('Cancel');
  private readonly trouble = new LastingTrouble(this.logger);

  constructor(
    private readonly actions: JobActions,
    private readonly watches: JobWatches,
  ) {}

  /** @param reply that is on its way, or that nobody waits for any more. */
  cancel(reply: FastifyReply, id: string, caller: Caller): void {
    const { raw } = reply;
    const closed = () => {
      // Whoever is sent away by this process can go on at another one.
      if (!raw.writableFinished && !this.watches.isStopping) void this.cancelJob(id, caller);
    };
    if (raw.closed) closed();
    else raw.once('close', closed);
  }

  private async cancelJob(id: string, caller: Caller): Promise<void> {
    const line = { job_id: id, request_id: caller.requestId };
    try {
      await this.actions.cancel(id, caller);
      this.logger.log(line, 'job canceled, as its client has gone');
    } catch (err) {
      // It has ended meanwhile, or has even been forgotten.
      if (err instanceof ProblemError) return;
      this.trouble.met(err, 'jobs of clients that have gone not canceled');
    }
  }
}
