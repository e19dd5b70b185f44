import { Injectable } from '@nestjs/common';
import { type ProblemCode, ProblemError } from '#libs/contracts';
import {
  IdempotencyStore,
  type JobRecord,
  type JobSpec,
  type KeyedRequest,
  type Submission,
} from '#libs/jobs';
import type { Caller } from '../http/caller.js';
import { JobReader } from '../jobs/job.reader.js';
import { Acceptance } from './acceptance.js';

export interface Submitted {
  record: JobRecord;
  /** An earlier request with the same `Idempotency-Key` has submitted it. */
  replayed: boolean;
}

/** It was claimed and then not written, or Redis has lost it since. */
const ABSENT: readonly ProblemCode[] = ['job-not-found', 'job-lost'];

type InputFor = (spec: JobSpec) => string | Promise<string>;

/** Makes the job of a valid request. @param id that it must have; absent: a fresh one. */
type Draft = (id?: string) => Promise<Submission>;

/**
 * Submissions with an `Idempotency-Key`. The first one to claim the key says which id the job has; every
 * request that finds it not yet there, or still queued, submits it once more under that id, which changes
 * nothing where it is there. So it does not matter where the first one died.
 */
@Injectable()
export class KeyedSubmissions {
  /** Those of this process that are being answered: the same ones that come meanwhile ask Redis nothing. */
  private readonly underWay = new Map<string, Promise<Submitted>>();

  constructor(
    private readonly keys: IdempotencyStore,
    private readonly reader: JobReader,
    private readonly acceptance: Acceptance,
  ) {}

  /**
   * @param inputFor the text of the input, as `inputText` makes it, for a job that is there already.
   * @throws ProblemError `idempotency-mismatch`, `job-gone`, or what the draft or the submission throws.
   */
  async submit(
    caller: Caller,
    request: KeyedRequest,
    inputFor: InputFor,
    draft: Draft,
  ): Promise<Submitted> {
    const name = JSON.stringify(request);
    const first = this.underWay.get(name);
    if (first) return { ...(await first), replayed: true };
    const answer = this.answer(caller, request, inputFor, draft).finally(() =>
      this.underWay.delete(name),
    );
    this.underWay.set(name, answer);
    return answer;
  }

  private async answer(
    caller: Caller,
    request: KeyedRequest,
    inputFor: InputFor,
    draft: Draft,
  ): Promise<Submitted> {
    const known = await this.keys.find(request);
    if (known !== null) return this.repeat(caller, known, inputFor, draft);
    // Before the claim: a request that is refused leaves the key free.
    const submission = await draft();
    const { id } = submission.spec;
    const claimed = await this.keys.claim(request, id);
    if (claimed !== id) return this.repeat(caller, claimed, inputFor, draft);
    return { record: await this.ensure(caller, submission), replayed: false };
  }

  private async repeat(
    caller: Caller,
    id: string,
    inputFor: InputFor,
    draft: Draft,
  ): Promise<Submitted> {
    const record = await this.find(caller, id);
    const mayBeStuck = record === null || (record.status === 'queued' && record.attempts === 0);
    if (!mayBeStuck) return { record, replayed: true };
    // What is written already counts: by now another version may be the default, or none be served.
    const submission = record
      ? {
          spec: record.spec,
          input: await inputFor(record.spec),
          bundleRows: record.spec.count,
        }
      : await draft(id);
    return { record: await this.ensure(caller, submission), replayed: true };
  }

  /** Whoever wrote it, it is the record that is answered. */
  private async ensure(caller: Caller, submission: Submission): Promise<JobRecord> {
    const accepted = await this.acceptance.accept({ ...submission, mayExist: true });
    try {
      return await this.reader.find(submission.spec.id, caller);
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      // Redis has just gone away: to say so would be to say that it was not accepted.
      return accepted;
    }
  }

  private async find(caller: Caller, id: string): Promise<JobRecord | null> {
    try {
      return await this.reader.find(id, caller);
    } catch (error) {
      if (error instanceof ProblemError && ABSENT.includes(error.code)) return null;
      throw error;
    }
  }
}
