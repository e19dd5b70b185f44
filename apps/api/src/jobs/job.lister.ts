import { Injectable } from '@nestjs/common';
import type { JobView } from '#libs/contracts';
import { isOver, JobIndex, type JobRecord, JobStore, toJobView } from '#libs/jobs';
import type { Caller } from '../http/caller.js';
import { encodeCursor, type Page } from '../http/page.js';
import type { ListQuery } from './list.query.js';

/** Looks at the index for one page: what it finds may all be over, or not have the labels. */
const MAX_ROUNDS = 4;

/** A caller's jobs, newest first. */
@Injectable()
export class JobLister {
  constructor(
    private readonly index: JobIndex,
    private readonly store: JobStore,
  ) {}

  /** @returns fewer than `limit`, with a cursor, where the search for more would take too long. */
  async page(query: ListQuery, { owner, baseUrl }: Caller): Promise<Page<JobView>> {
    const { model, statuses, limit, ...rest } = query;
    const models = model === undefined ? await this.index.models() : [model];
    const data: JobView[] = [];
    let { before } = query;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const filter = { ...rest, models, statuses, owner };
      const found = await this.index.page(filter, { before, limit: limit - data.length });
      const records = await this.store.findMany(found.ids);
      for (const record of records) {
        if (record && isShown(record, query)) data.push(toJobView(record, baseUrl));
      }
      if (found.next === null) return { data, next_cursor: null };
      before = found.next;
      if (data.length === limit) break;
    }
    return { data, next_cursor: before === undefined ? null : encodeCursor(before) };
  }
}

/** The record decides: it may have changed since its id was found. */
function isShown(record: JobRecord, { statuses, metadata }: ListQuery): boolean {
  return (
    statuses.includes(record.status) &&
    !isOver(record) &&
    Object.entries(metadata).every(([key, value]) => record.spec.metadata[key] === value)
  );
}
