import { clock } from '#libs/clock';
import type { JobProblem, JobStatus } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from './keys.js';
import type { PayloadName } from './payloads/payload.store.js';
import { encodeEnd, type JobResult, type KeptJob } from './record.js';
import type { RedisConnection } from './redis.js';
import { jobScriptText } from './script.js';
import { type Arguments, changeArguments, requeueArguments } from './script-arguments.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    beginBatch(keyCount: number, ...args: Arguments): Result<BeginAnswer[], Context>;
    publishBatch(keyCount: number, ...args: Arguments): Result<(0 | 1)[], Context>;
    requeueBatch(keyCount: number, ...args: Arguments): Result<(0 | 1)[], Context>;
    tellProgress(keyCount: number, ...args: Arguments): Result<0 | 1, Context>;
    tellTexts(keyCount: number, ...args: Arguments): Result<(0 | 1 | 2)[], Context>;
  }
}
type BeginAnswer = [fence: number, loneStarts: number, tries: number, input?: string] | string;

const SCRIPTS = {
  beginBatch: 'begin-batch.lua',
  publishBatch: 'publish-batch.lua',
  requeueBatch: 'requeue-batch.lua',
  tellProgress: 'progress.lua',
  tellTexts: 'tell-texts.lua',
} as const;

/** Least time between two `progress` events of a job's webhook. */
const PROGRESS_EVENT_MS = 1000;

/** A started attempt: who holds the newest fence of a job, and only that one, may publish. */
export interface Started {
  id: string;
  fence: number;
  /** As `inputText` makes it; '' where it was not asked for, or is stored apart. */
  input: string;
  /** How often it was started alone, by any worker, without coming to an end: this time included. */
  loneStarts: number;
  /** Which attempt it is; 1 is the first. */
  attempt: number;
}

/** A job that cannot be started: it has ended already, or there is no record of it. */
export interface NotStarted {
  id: string;
  status: JobStatus | null;
}

/** An end that is to be published. */
export interface Publication {
  job: KeptJob;
  fence: number;
  /** When it was sent to a runner, ms since the epoch. */
  sentAt: number;
  result: JobResult;
  /** Where its outputs are, unless they shall stand in the record. */
  outputsApart?: PayloadName | undefined;
}

/** An attempt that failed in a way that may pass. */
export interface Failure {
  id: string;
  fence: number;
  error: JobProblem;
}

/** What has been computed of a running job since the last part. */
export interface Part {
  /** Instances done so far, from the first on. */
  done: number;
  /** JSON text of an array: those since the last part. */
  outputs: string;
}

/** What a running job has generated since the last time. */
export interface FreshText {
  id: string;
  fence: number;
  text: string;
  /** Of all of its text so far, in UTF-8. */
  bytes: number;
  /** So far. */
  tokens: number;
}

/** `refused`: the job has ended, or a newer attempt holds the fence. `gap`: Redis has lost what comes before. */
export type TextAnswer = 'refused' | 'kept' | 'gap';
const TEXT_ANSWERS = ['refused', 'kept', 'gap'] as const satisfies TextAnswer[];

/** The job records in Redis as their attempts write them: what workers do. */
export class AttemptStore {
  constructor(
    protected readonly redis: RedisConnection,
    protected readonly keys: Keys,
  ) {
    for (const [name, file] of Object.entries(SCRIPTS)) {
      redis.defineCommand(name, { lua: jobScriptText(file) });
    }
  }

  /**
   * Starts an attempt of each job. All jobs must be of one model.
   * @param options `lone`: the one job runs by itself, because it was there when a process died;
   *   `withInput`: false for jobs whose messages carried it.
   */
  async begin(
    model: string,
    ids: readonly string[],
    { lone = false, withInput = true }: { lone?: boolean; withInput?: boolean } = {},
  ): Promise<(Started | NotStarted)[]> {
    const answers = await this.redis.beginBatch(
      ...changeArguments(this.keys, model, ids),
      lone ? 1 : 0,
      withInput ? 1 : 0,
    );
    return answers.map((answer, i) => {
      const id = ids[i] ?? '';
      if (Array.isArray(answer)) {
        const [fence, loneStarts, tries, input = ''] = answer;
        return { id, fence, input, loneStarts, attempt: tries + 1 };
      }
      return { id, status: answer === '' ? null : (answer as JobStatus) };
    });
  }

  /**
   * Publishes a batch's results. All jobs must be of one model.
   * @param results `fence` 0 where the start was not written down (`begin`), and `sentAt` says when it was.
   * @returns for each, whether it was published: false where a newer attempt holds the fence or the
   *   job had ended already, and then nothing of it has changed.
   */
  async publish(model: string, results: readonly Publication[]): Promise<boolean[]> {
    const args: Arguments = [];
    for (const { job, fence, sentAt, result, outputsApart = '' } of results) {
      const outputs = outputsApart === '' ? (result.outputs ?? '') : '';
      args.push(
        fence,
        sentAt,
        result.status,
        encodeEnd(result),
        outputs,
        outputsApart,
        job.resultTtlS * 1000,
      );
    }
    const ids = results.map(({ job }) => job.id);
    const answers = await this.redis.publishBatch(
      ...changeArguments(this.keys, model, ids),
      ...args,
    );
    return answers.map((answer) => answer === 1);
  }

  /**
   * Keeps what has been computed so far of a running job, and tells who listens.
   * @param model of the job.
   * @returns false where the job has ended or a newer attempt holds the fence: the rest need not run.
   */
  async progress(
    model: string,
    { id, fence, done, outputs }: Part & { id: string; fence: number },
  ): Promise<boolean> {
    const { keys } = this;
    const answer = await this.redis.tellProgress(
      3,
      ...[keys.record(id), keys.parts(id), keys.outbox(model)],
      ...[clock.now(), fence, done, outputs],
      ...[keys.jobChannel, keys.courierChannel, PROGRESS_EVENT_MS],
    );
    return answer === 1;
  }

  /** Keeps the texts of running jobs as they grow, and tells who listens. All jobs must be of one model. */
  async tellTexts(texts: readonly FreshText[]): Promise<TextAnswer[]> {
    const records = texts.map(({ id }) => this.keys.record(id));
    const answers = await this.redis.tellTexts(
      ...[records.length, ...records, this.keys.jobChannel],
      ...texts.flatMap(({ fence, text, bytes, tokens }) => [fence, text, bytes, tokens]),
    );
    return answers.map((answer) => TEXT_ANSWERS[answer]);
  }

  /** Failed attempts go back to the queue's records. @returns false where the fence was lost. */
  async tryAgain(model: string, failures: readonly Failure[]): Promise<boolean[]> {
    const attempts = failures.map(({ id, fence, error }) => ({
      id,
      args: ['running', fence, '', JSON.stringify(error), 0, ''],
    }));
    const answers = await this.redis.requeueBatch(...requeueArguments(this.keys, model, attempts));
    return answers.map((answer) => answer === 1);
  }
}
