import { Injectable } from '@nestjs/common';
import { clock } from '#libs/clock';
import { isTerminal, type JobStatus, ProblemError } from '#libs/contracts';
import { JobIndex, type JobRecord, JobStore, startBy, Submitter } from '#libs/jobs';
import type { Caller } from '../http/caller.js';
import { ModelCatalog } from '../models/model.catalog.js';
import { type BulkCancelDto, OPEN_STATUSES } from './bulk-cancel.dto.js';
import { JobReader } from './job.reader.js';
import { Timekeeper } from './timekeeper.js';

/** Jobs that are canceled at once: others wait for Redis meanwhile. */
const CHUNK = 500;

const RETRYABLE: readonly JobStatus[] = ['failed', 'canceled', 'expired'];

/** What a caller may have done to jobs of theirs. */
@Injectable()
export class JobActions {
  constructor(
    private readonly store: JobStore,
    private readonly index: JobIndex,
    private readonly reader: JobReader,
    private readonly catalog: ModelCatalog,
    private readonly submitter: Submitter,
    private readonly timekeeper: Timekeeper,
  ) {}

  /**
   * Cancels a job, whatever it is doing; one that was canceled before stays so.
   * @throws ProblemError `job-ended` where it has ended otherwise; `job-not-found`, `job-gone`.
   */
  async cancel(id: string, caller: Caller): Promise<JobRecord> {
    const found = await this.reader.find(id, caller);
    if (!isTerminal(found.status)) await this.store.cancel(found.spec.model, [found.spec]);
    const record = isTerminal(found.status) ? found : await this.reader.find(id, caller);
    if (record.status !== 'canceled') {
      throw new ProblemError('job-ended', `It is ${record.status} already, and stays so.`);
    }
    return record;
  }

  /**
   * Cancels the caller's jobs of a model that are there at this moment.
   * @returns how many. @throws what Redis threw: then some are canceled, and a repeat cancels the others.
   */
  async cancelAll({ model, status }: BulkCancelDto, { owner }: Caller): Promise<number> {
    const statuses = status ? [status] : OPEN_STATUSES;
    const createdBefore = clock.now() + 1;
    const filter = { models: [model], statuses, owner, metadata: {}, createdBefore };
    let canceled = 0;
    for (let before: string | undefined; ;) {
      const { ids, next } = await this.index.page(filter, { before, limit: CHUNK });
      canceled += await this.cancelSome(model, ids, statuses);
      if (next === null) return canceled;
      before = next;
    }
  }

  private async cancelSome(
    model: string,
    ids: readonly string[],
    statuses: readonly JobStatus[],
  ): Promise<number> {
    const found = await this.store.findMany(ids);
    const open = found
      .filter((record) => record !== null)
      .filter(({ status }) => statuses.includes(status))
      .map(({ spec }) => spec);
    if (open.length === 0) return 0;
    const after = await this.store.cancel(model, open);
    return after.filter((status) => status === 'canceled').length;
  }

  /**
   * Queues an ended job again, as its next attempt, on the version that it was submitted for.
   * @throws ProblemError `job-not-retryable` where it has not ended, has succeeded, or is being retried
   *   already; what the catalog throws where the version is not served.
   */
  async retry(id: string, caller: Caller): Promise<JobRecord> {
    const record = await this.reader.find(id, caller);
    const { status, spec } = record;
    if (!RETRYABLE.includes(status)) {
      const detail = `It is ${status}; only what has failed, expired or been canceled can be retried.`;
      throw new ProblemError('job-not-retryable', detail);
    }
    const { rowsPerRun } = this.catalog.get(spec.model).resolve(spec.version);
    if (!(await this.submitter.retry(record, rowsPerRun))) {
      throw new ProblemError('job-not-retryable', 'Another request has just retried it.');
    }
    const deadline = startBy(spec, clock.now());
    if (deadline !== undefined) this.timekeeper.expectAt(spec.model, deadline);
    return this.reader.find(id, caller);
  }
}
