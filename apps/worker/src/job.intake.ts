import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { jobProblem } from '#libs/contracts';
import type { TakenJob } from '#libs/jobs';
import { fileInputOf } from '#libs/models';
import { ApartInputs } from './apart.inputs.js';
import { BatchExecutor } from './batch.executor.js';
import { FleetReporter } from './fleet.reporter.js';
import type { HostedModel } from './hosted.model.js';
import { JobCanceler } from './job.canceler.js';
import { RemoteInputs } from './remote.inputs.js';
import type { ServedVersion } from './served.version.js';
import { SingleFlight } from './single.flight.js';
import { startJobSpan } from './job.spans.js';
import { WorkerJob } from './worker-job.js';

/** Long enough for a worker that can serve the job to come by first. */
const ELSEWHERE_DELAY_MS = 500;
/** Also said of one that has succeeded already; its record then stays as it is. */
const LOST = jobProblem('input-lost', 'Submit it again: its input is not stored any more.');

/** Brings jobs from the queue to the server of their version, and stays with them until they are over. */
@Injectable()
export class JobIntake {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly inputs: ApartInputs,
    private readonly executor: BatchExecutor,
    private readonly canceler: JobCanceler,
    private readonly reporter: FleetReporter,
    private readonly flights: SingleFlight,
    private readonly remote: RemoteInputs,
  ) {}

  /** Resolves when the job's end is published. @throws HandBack */
  take(taken: TakenJob, model: HostedModel): Promise<void> {
    if (taken.message.inputApart !== true) return this.serve(taken, model);
    return this.inputs.bring(taken, (brought) => this.serve(brought, model));
  }

  /** What waits for its input, or for another job, goes back. */
  stop(): void {
    this.inputs.stop();
    this.remote.stop();
    this.flights.stop();
  }

  private async serve(taken: TakenJob, model: HostedModel): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const runLimitMs = this.config.models.RUN_TIMEOUT_S * 1000;
    const ended = (): void => {
      resolve(undefined);
    };
    const job = new WorkerJob(model.name, taken, runLimitMs, ended, reject);
    job.span = startJobSpan(job);
    this.canceler.hold(job);
    model.throughput.taken(performance.now());
    let hasRun = false;
    try {
      this.submit(job, model).catch(reject);
      await promise;
      hasRun = job.hasRun;
    } finally {
      model.throughput.left(performance.now(), hasRun);
      this.canceler.release(job);
      this.flights.left(job);
      if (job.message.remote) this.remote.left(job);
      job.span?.end();
    }
  }

  private async submit(job: WorkerJob, model: HostedModel): Promise<void> {
    if (this.canceler.mayBeCanceled(job)) await this.canceler.check(job);
    if (job.isOver) return;
    const server = model.server(job.message.version);
    if (job.message.inputApart && !job.hasInput) await this.executor.fail([job], LOST);
    else if (server && !server.hasFailed) {
      if (job.message.remote && !(await this.hasFiles(job, server, model))) return;
      job.withdraw = () => {
        server.withdraw(job);
      };
      const compute = (): void => {
        server.submit(job);
      };
      if (job.message.cache) this.flights.board(job, server.content, compute);
      else compute();
    } else await this.refuse(job, server?.report.reason ?? model.reason);
  }

  /** @returns whether it has the files that its instances name, once they are fetched; else it is over. */
  private async hasFiles(
    job: WorkerJob,
    { report }: ServedVersion,
    model: HostedModel,
  ): Promise<boolean> {
    const file = fileInputOf(report);
    if (!file) return true;
    await this.executor.beginAhead(job);
    if (job.isOver) return false;
    model.fetching(1);
    try {
      const problem = await this.remote.bring(job, file);
      if (problem) await this.executor.fail([job], problem);
      else if (job.isComplete) await this.executor.finishAlone(job);
    } finally {
      model.fetching(-1);
    }
    return !job.isOver;
  }

  /** What cannot be run here is left to a worker that can; where there is none, it ends. */
  private async refuse(job: WorkerJob, reason = 'this version is not there'): Promise<void> {
    const { version } = job.message;
    if (await this.reporter.isServedElsewhere(job.model, version)) {
      job.handBack(ELSEWHERE_DELAY_MS);
      return;
    }
    const detail = `${job.model} version ${version}: ${reason}`;
    await this.executor.fail([job], jobProblem('model-unavailable', detail));
  }
}
