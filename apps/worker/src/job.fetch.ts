import { failedLine, type JobProblem, jobProblem } from '#libs/contracts';
import type { FileInput } from '#libs/models';
import { FetchFailed, type FetchFailure, type FileFetcher } from '#libs/webhooks';
import type { FetchRoom } from './fetch.room.js';
import type { WorkerJob } from './worker-job.js';

/** Files of a job that are fetched at once. */
const AT_ONCE = 8;

/** What came of a file: it was fetched, and perhaps not taken, or was not. */
export type FetchOutcome = 'fetched' | FetchFailure;

/** What the fetching of all jobs shares. */
export interface JobFetchOptions {
  fetcher: FileFetcher;
  room: FetchRoom;
  /** Most of all files of a job together. */
  maxBytes: number;
  onFile: (job: WorkerJob, outcome: FetchOutcome, ms: number) => void;
}

/** Fetches the files of a job: each URL once, however many of its instances name it. */
export class JobFetch {
  /** Room that its files take. */
  bytes = 0;
  /** Instances whose files did not come, or were not taken. */
  failed = 0;
  private readonly stopping = new AbortController();

  constructor(
    private readonly job: WorkerJob,
    private readonly file: FileInput,
    private readonly options: JobFetchOptions,
  ) {}

  /**
   * Resolves to the lines of the job's instances, with their files, or what kept those from coming.
   * @throws what it was stopped with, or what this machine has run out of, once nothing of it is under way any more.
   */
  async run(): Promise<string[]> {
    const { job, file, stopping } = this;
    const { room } = this.options;
    const { lines } = job;
    const instances = lines.map((line) => JSON.parse(line) as unknown);
    const places = Map.groupBy(instances.keys(), (i) => file.urlOf(instances[i]));
    places.delete(undefined);
    const queue = places.entries();
    const takeAll = async (): Promise<void> => {
      for (const [url = '', of] of queue) {
        const fetched = await this.fetch(url, of.length);
        for (const i of of) lines[i] = this.line(instances[i], fetched);
      }
    };
    room.open(job, stopping.signal);
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, takeAll));
    room.close(job);
    const broken = ends.find((end) => end.status === 'rejected');
    if (broken) throw broken.reason;
    return lines;
  }

  stop(reason: Error): void {
    this.stopping.abort(reason);
  }

  /** The line of an instance, by what came of its file. */
  private line(instance: unknown, fetched: string | JobProblem): string {
    const whole = typeof fetched === 'string' ? this.file.withFile(instance, fetched) : undefined;
    // What is checked at submission is checked here: it has not been there before.
    const problem = typeof fetched === 'string' ? this.file.problemOf(whole) : fetched;
    if (!problem) return JSON.stringify(whole);
    this.failed++;
    return failedLine(problem);
  }

  /** @param times that the file is needed. @returns its base64. */
  private async fetch(url: string, times: number): Promise<string | JobProblem> {
    const { fetcher, room, maxBytes, onFile } = this.options;
    const target = URL.parse(url);
    const leave = await room.enter(this.job, target?.origin ?? '');
    const start = performance.now();
    let keptBytes = 0;
    let outcome: FetchOutcome | undefined = 'fetched';
    try {
      const file = await fetcher.fetch(url, this.stopping.signal);
      if (this.bytes + times * file.length > maxBytes) {
        const message = `with it the files of this job would have more than ${String(maxBytes)} bytes`;
        throw new FetchFailed(message, 'unusable', false);
      }
      keptBytes = times * file.length;
      this.bytes += keptBytes;
      return file.toString('base64');
    } catch (error) {
      outcome = error instanceof FetchFailed ? error.outcome : undefined;
      if (!(error instanceof FetchFailed)) throw error;
      const file = target ? `The file from ${target.host}` : 'The file';
      const detail = `${file} could not be fetched: ${error.message}.`;
      return { ...jobProblem('input-fetch-failed', detail), retryable: error.retryable };
    } finally {
      leave(keptBytes);
      if (outcome) onFile(this.job, outcome, performance.now() - start);
    }
  }
}
