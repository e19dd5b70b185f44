import { Injectable, Logger, type StreamableFile } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isTerminal, type JobView } from '#libs/contracts';
import { type JobRecord, toJobView } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { wantsEvents } from '../http/accept.js';
import type { Caller } from '../http/caller.js';
import { hangUpOf } from '../http/hang-up.js';
import { jobHeaders } from '../http/job.headers.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import { EventAnswers, lastEventIdOf } from '../jobs/event.answers.js';
import { positionAfter } from '../jobs/job.events.js';
import { JobReader } from '../jobs/job.reader.js';
import { JobWaiter } from '../jobs/job.waiter.js';
import { JobWatches } from '../jobs/job.watches.js';
import type { Submitted } from './keyed.submissions.js';

/** What a submission is answered with once its job is accepted: the job, now or when it has ended, or its events. */
@Injectable()
export class SubmissionAnswers {
  private readonly trouble = new LastingTrouble(new Logger('Predict'));

  constructor(
    private readonly reader: JobReader,
    private readonly waiter: JobWaiter,
    private readonly watches: JobWatches,
    private readonly events: EventAnswers,
  ) {}

  async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    submitted: Submitted,
    caller: Caller,
  ): Promise<JobView | StreamableFile | undefined> {
    if (submitted.replayed) reply.header('idempotency-replayed', 'true');
    if (wantsEvents(request)) return this.follow(request, reply, submitted, caller);
    const { record } = submitted;
    const job =
      request.headers['prefer'] === undefined
        ? await this.view(record, caller)
        : await this.asPreferred(request, reply, record, caller);
    const ended = isTerminal(job.status);
    reply.status(ended ? 200 : 202).headers(jobHeaders(job.id, ended));
    return job;
  }

  private follow(
    request: FastifyRequest,
    reply: FastifyReply,
    { record, replayed }: Submitted,
    caller: Caller,
  ): StreamableFile | undefined {
    const { id } = record.spec;
    const watch = this.watches.start(id, hangUpOf(reply));
    // The job may have changed before the watch began.
    watch.ring();
    // An id that was told of another job says nothing of a new one.
    const position = positionAfter(replayed ? lastEventIdOf(request) : undefined, record);
    reply.status(200).headers(jobHeaders(id, true));
    return this.events.answer(reply, record, { caller, position, watch });
  }

  /** @returns the job once it has ended, or as it stands when its client has waited for long enough. */
  private async asPreferred(
    request: FastifyRequest,
    reply: FastifyReply,
    accepted: JobRecord,
    caller: Caller,
  ): Promise<JobView> {
    const asked = parsePrefer(request.headers['prefer']);
    const job =
      asked.waitS === undefined || isTerminal(accepted.status)
        ? await this.view(accepted, caller)
        : await this.afterWait(reply, accepted, caller, asked.waitS);
    const applied = preferenceApplied(asked, !isTerminal(job.status));
    if (applied !== undefined) reply.header('preference-applied', applied);
    reply.header('vary', 'Prefer');
    return job;
  }

  private async afterWait(
    reply: FastifyReply,
    accepted: JobRecord,
    caller: Caller,
    waitS: number,
  ): Promise<JobView> {
    const { id } = accepted.spec;
    try {
      const record = await this.waiter.hold(reply, { id, caller, waitS });
      return await this.view(record ?? accepted, caller);
    } catch (err) {
      // It has been accepted: to say anything else would have it submitted again.
      this.trouble.met(err, 'waiting broken off');
      return toJobView(accepted, caller.baseUrl);
    }
  }

  private async view(record: JobRecord, caller: Caller): Promise<JobView> {
    return isTerminal(record.status)
      ? this.reader.view(record, caller)
      : toJobView(record, caller.baseUrl);
  }
}
