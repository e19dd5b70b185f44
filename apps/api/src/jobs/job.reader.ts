import { Injectable } from '@nestjs/common';
import { type JobView, ProblemError } from '#libs/contracts';
import {
  isJobId,
  isOver,
  type JobRecord,
  JobStore,
  Payloads,
  toJobView,
  Witness,
} from '#libs/jobs';
import type { Caller } from '../http/caller.js';
import { QueuePlaces } from './queue.places.js';

const LOST =
  'The job store has lost data. If this job was accepted, it has gone with them: submit it again.';
const GONE = 'Its result was kept for as long as its result_ttl_s said.';

/** A caller's own jobs: those of others look like none at all. */
@Injectable()
export class JobReader {
  constructor(
    private readonly store: JobStore,
    private readonly places: QueuePlaces,
    private readonly payloads: Payloads,
    private readonly witness: Witness,
  ) {}

  /**
   * @throws ProblemError `job-not-found`; `job-gone` for a day after its result was over; `job-lost` for a day after
   *   Redis has lost data, where it may have been among them.
   */
  async find(id: string, { owner }: Caller): Promise<JobRecord> {
    const known = isJobId(id);
    const record = known ? await this.store.find(id) : null;
    if (record?.spec.owner === owner) {
      // One that is kept for a callback alone is over for its reader.
      if (!isOver(record)) return record;
      throw new ProblemError('job-gone', GONE);
    }
    const tombstone = known && !record ? await this.store.findTombstone(id) : null;
    if (tombstone?.owner === owner) throw new ProblemError('job-gone', GONE);
    if (known && !record && !tombstone && this.witness.mayHaveLost(id)) {
      throw new ProblemError('job-lost', LOST);
    }
    throw new ProblemError('job-not-found', 'No job of yours has this id.');
  }

  async view(record: JobRecord, { baseUrl }: Caller): Promise<JobView> {
    const complete = await this.payloads.complete(record);
    return toJobView(complete, baseUrl, await this.places.of(record));
  }
}
