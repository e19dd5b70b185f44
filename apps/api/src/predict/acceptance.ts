import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { VersionReport } from '#libs/contracts';
import {
  cacheKeyOf,
  type CacheUse,
  EndedJobs,
  type JobRecord,
  queuedRecord,
  ResultCache,
  type Submission,
  Submitter,
} from '#libs/jobs';
import { ApiMetrics } from '../api.metrics.js';
import { cacheDirectiveOf } from './cache-directive.js';

const DEFAULT_MAX_ENTRIES = 10_000;

/** Accepts jobs: with the result of an identical one, where its model keeps results and has it; else for the workers. */
@Injectable()
export class Acceptance {
  constructor(
    private readonly results: ResultCache,
    private readonly ended: EndedJobs,
    private readonly submitter: Submitter,
    private readonly metrics: ApiMetrics,
  ) {}

  /**
   * How a job is to use the results that its model keeps; undefined: not at all.
   * @param input as `inputText` makes it. @param lines see CheckedInput.
   */
  cacheUse(
    served: VersionReport,
    owner: string,
    input: { text: string; lines: string | undefined },
    headers: IncomingHttpHeaders,
  ): CacheUse | undefined {
    const { cache_ttl_s: ttlS, cache_shared, cache_max_entries, content } = served;
    if (ttlS === undefined || content === undefined) return undefined;
    const directive = cacheDirectiveOf(headers);
    if (directive) this.metrics.cacheAsked(served.model, served.version, 'bypassed');
    if (directive === 'no-store') return undefined;
    return {
      key: cacheKeyOf(content, cache_shared ? null : owner, input.text, input.lines),
      ttlS,
      maxEntries: cache_max_entries ?? DEFAULT_MAX_ENTRIES,
      fresh: directive === 'no-cache' || undefined,
    };
  }

  /** @returns its record: it has succeeded already, or is queued. @throws ProblemError as `Submitter.submit`. */
  async accept(submission: Submission): Promise<JobRecord> {
    const { cache } = submission.spec;
    if (!cache || cache.fresh) return this.queue(submission);
    try {
      const record = await this.answer(submission, cache);
      if (record) return record;
    } catch {
      // Redis may have written its record, or has trouble that the queue will tell of.
      return this.queue({ ...submission, mayExist: true });
    }
    return this.queue(submission);
  }

  private async answer({ spec }: Submission, { key }: CacheUse): Promise<JobRecord | null> {
    const outputs = await this.results.find(spec.model, key);
    if (outputs === null) return null;
    const record = await this.ended.create(spec, outputs);
    if (record) this.metrics.cacheAsked(spec.model, spec.version, 'hit');
    return record;
  }

  private async queue(submission: Submission): Promise<JobRecord> {
    await this.submitter.submit(submission);
    return queuedRecord(submission.spec);
  }
}
