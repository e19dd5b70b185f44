import { clock } from '#libs/clock';
import type { Counts, OutputSpec, Shadow } from '#libs/contracts';
import type { BatchHandler, VersionServer } from '#libs/inference';
import { agree } from '#libs/models';
import { logBin } from '#libs/statistics';
import type { End } from './job.exits.js';
import type { QuietGate } from './quiet.gate.js';
import { runMs } from './run-ms.js';
import type { ShadowOutcome } from './worker.metrics.js';
import { WorkerJob } from './worker-job.js';

/** Replays that wait for a quiet moment. Beyond that, samples are not taken. */
const MAX_WAITING = 1000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** After a load that failed. */
const LOAD_AGAIN_MS = 30_000;

/** What is compared with what. */
export interface ShadowPlan {
  stable: string;
  shadow: Shadow;
}

export interface ShadowReplayerOptions {
  /** Of the shadow's version. */
  kind: OutputSpec['kind'];
  runLimitMs: number;
  gate: QuietGate;
  newServer: (handler: BatchHandler<WorkerJob>) => VersionServer<WorkerJob>;
  /** Is told what came of so many jobs, and how long those computed: counts of the shadow's version. */
  count: (outcome: ShadowOutcome, jobs: number, times?: Counts) => void;
}

/**
 * Computes a share of a version's jobs again with its shadow, in processes of its own, while the worker has
 * nothing else to do, and compares. Nothing of it is written to records, and nothing waits for it.
 */
export class ShadowReplayer {
  readonly server: VersionServer<WorkerJob>;
  private waiting: End[] = [];
  private waitingBytes = 0;
  private isReplaying = false;
  private loadedAt = -Infinity;

  constructor(
    public plan: ShadowPlan,
    private readonly options: ShadowReplayerOptions,
  ) {
    this.server = options.newServer(this.handler());
  }

  /** Loads the shadow. */
  start(): void {
    this.loadedAt = performance.now();
    void this.server.start();
  }

  /** Jobs of its model that have been published. */
  offer(ends: readonly End[]): void {
    const { stable, shadow } = this.plan;
    let skipped = 0;
    for (const end of ends) {
      const { job, result } = end;
      if (job.message.version !== stable || result.status !== 'succeeded') continue;
      if (Math.random() * 100 >= shadow.percent) continue;
      if (this.isFull) skipped++;
      else {
        this.waiting.push(end);
        this.waitingBytes += sizeOf(end);
      }
    }
    if (skipped > 0) this.options.count('skipped', skipped);
    if (this.waiting.length > 0 && !this.isReplaying) void this.replayAll();
  }

  /** At once: what it computes is forgotten. */
  async stop(): Promise<void> {
    this.options.gate.close();
    this.waiting = [];
    await this.server.abort();
  }

  private get isFull(): boolean {
    return this.waiting.length >= MAX_WAITING || this.waitingBytes >= MAX_WAITING_BYTES;
  }

  /** One batch after the other, so that little is under way when other work comes. */
  private async replayAll(): Promise<void> {
    this.isReplaying = true;
    try {
      while (this.waiting.length > 0) {
        await this.options.gate.pass();
        await Promise.all(this.take().map((end) => this.replay(end)));
      }
    } catch {
      // The gate is closed.
    } finally {
      this.isReplaying = false;
    }
  }

  /** A batch of those that wait, the oldest first. */
  private take(): End[] {
    const { max_batch_size } = this.server.report.batching;
    let count = 0;
    for (let rows = 0; count < this.waiting.length && rows < Math.max(1, max_batch_size); count++) {
      rows += this.waiting[count]?.job.count ?? 0;
    }
    const taken = this.waiting.splice(0, count);
    for (const end of taken) this.waitingBytes -= sizeOf(end);
    return taken;
  }

  private async replay({ job, result }: End): Promise<void> {
    const replay = await this.run(job);
    if (!replay) {
      this.options.count('skipped', 1);
      this.loadAgain();
      return;
    }
    const answer = replay.isComplete ? replay.result() : undefined;
    if (answer?.status !== 'succeeded') {
      this.options.count('failed', 1);
      return;
    }
    const { kind, count } = this.options;
    const { tolerance } = this.plan.shadow;
    const isSame = agree(kind, result.outputs ?? '[]', answer.outputs ?? '[]', tolerance);
    count(isSame ? 'agreed' : 'disagreed', 1, {
      [`shadow/run-ms/${String(logBin(runMs(answer.timing)))}`]: 1,
      [`shadow/primary-run-ms/${String(logBin(runMs(result.timing)))}`]: 1,
    });
  }

  /** @returns null where it did not come to be run. */
  private run(job: WorkerJob): Promise<WorkerJob | null> {
    return new Promise((resolve) => {
      // Its caller's limits are for the job itself.
      const unlimited = { executionTimeoutMs: undefined, startBy: undefined };
      const { input, bytes } = job;
      const message = { ...job.message, input, bytes, ...unlimited };
      const taken = { message, takenAt: clock.now(), suspect: false };
      const replay: WorkerJob = new WorkerJob(
        job.model,
        taken,
        this.options.runLimitMs,
        () => {
          resolve(replay);
        },
        () => {
          resolve(null);
        },
      );
      this.server.submit(replay);
    });
  }

  private loadAgain(): void {
    const now = performance.now();
    if (!this.server.hasFailed || now - this.loadedAt < LOAD_AGAIN_MS) return;
    this.loadedAt = now;
    void this.server.load();
  }

  private handler(): BatchHandler<WorkerJob> {
    return {
      begin: async (batch) => {
        await this.options.gate.pass();
        // One that was there when a runner died is not tried again.
        if (batch.reason === 'solo') for (const { job } of batch.slices) job.ended();
        batch.slices = batch.slices.filter(({ job }) => !job.isOver);
        return batch.slices.map((slice) => slice.job.slice(slice));
      },
      finish: (batch, reply) => {
        batch.slices.forEach((slice, i) => {
          const outcome = reply.slices[i];
          if (outcome) slice.job.add(slice, outcome, reply.timing);
          if (slice.job.isComplete && !slice.job.isOver) slice.job.ended();
        });
        return Promise.resolve();
      },
      fail: (jobs) => {
        for (const job of jobs) job.ended();
        return Promise.resolve();
      },
    };
  }
}

function sizeOf({ job, result }: End): number {
  return job.bytes + (result.outputs?.length ?? 0);
}
