import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type JobProblem, jobProblem } from '#libs/contracts';
import type { FileInput } from '#libs/models';
import { LastingTrouble } from '#libs/telemetry';
import { FileFetcher } from '#libs/webhooks';
import { FetchRoom } from './fetch.room.js';
import { labelsOf, lineOf } from './job.exits.js';
import { JobFetch } from './job.fetch.js';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

/** Sockets of this worker, and bytes of files that its jobs have. */
const LIMITS = { atOnce: 128, perOrigin: 32, bytes: 256 * 1024 * 1024 };

/** Before a job is taken again whose files nobody was asked for, for want of file descriptors, say. */
const AGAIN_MS = 1000;

const OVERRAN = 'Its files were not there within execution_timeout_s, and it was stopped.';

/** A job is over, or its time is. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

/**
 * Fetches the files that instances name by URL before their jobs go to a batcher, so that no runner waits for
 * somebody's server. An instance whose file does not come fails alone. What was fetched stands where it would
 * have stood in the body; what was not is marked as no body can mark it.
 */
@Injectable()
export class RemoteInputs {
  private readonly logger = new Logger('Inputs');
  private readonly trouble = new LastingTrouble(this.logger);
  private readonly room: FetchRoom;
  private readonly underWay = new Map<WorkerJob, JobFetch>();
  /** Room that jobs take which have their files. */
  private readonly heldBytes = new Map<WorkerJob, number>();
  private stopping = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly fetcher: FileFetcher,
    private readonly metrics: WorkerMetrics,
  ) {
    this.room = new FetchRoom({ ...LIMITS, fileBytes: fetcher.maxBytes });
  }

  /**
   * Resolves when the job has its files, has failed for want of them, or is over.
   * @param job with its input. @returns why it is to be ended; undefined where it may go on.
   */
  async bring(job: WorkerJob, file: FileInput): Promise<JobProblem | undefined> {
    const { room, fetcher, metrics } = this;
    if (this.stopping) {
      job.handBack();
      return undefined;
    }
    const fetch = new JobFetch(job, file, {
      ...{ room, fetcher, maxBytes: this.config.inputs.INPUT_FETCH_TOTAL_BYTES },
      onFile: (of, outcome, ms) => {
        metrics.fetched(labelsOf(of), outcome, ms);
      },
    });
    const start = performance.now();
    const stop = (): void => {
      fetch.stop(new Stopped());
    };
    const overrun = setTimeout(stop, job.runBudgetMs);
    job.withdraw = stop;
    this.underWay.set(job, fetch);
    try {
      const lines = await fetch.run();
      this.trouble.isOver();
      const ms = performance.now() - start;
      job.replaceLines(lines, { bytes: fetch.bytes, ms });
      const line = { ...lineOf(job), bytes: fetch.bytes, failed: fetch.failed };
      this.logger.log({ ...line, fetch_ms: Math.round(ms) }, 'inputs fetched');
      return undefined;
    } catch (error) {
      if (!(error instanceof Stopped)) {
        this.trouble.met(error, 'files not asked for, jobs handed back');
        job.handBack(AGAIN_MS);
        return undefined;
      }
      return job.isOver ? undefined : jobProblem('execution-timeout', OVERRAN);
    } finally {
      clearTimeout(overrun);
      this.underWay.delete(job);
      this.hold(job, fetch.bytes);
    }
  }

  /** A job is over here: its files are needed no longer. */
  left(job: WorkerJob): void {
    const bytes = this.heldBytes.get(job);
    if (bytes === undefined) return;
    this.heldBytes.delete(job);
    this.room.free(bytes);
  }

  /** What is fetched goes back, and what comes now. */
  stop(): void {
    this.stopping = true;
    for (const [job, fetch] of this.underWay) {
      job.handBack();
      fetch.stop(new Stopped());
    }
  }

  private hold(job: WorkerJob, bytes: number): void {
    if (job.isOver) this.room.free(bytes);
    else this.heldBytes.set(job, bytes);
  }
}
