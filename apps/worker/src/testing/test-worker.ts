import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Registry } from 'prom-client';
import { ConfigModule, loadConfig } from '#libs/config';
import type { Batch, RanReply, SliceOutcome } from '#libs/inference';
import { type JobMessage, JobsModule, JobStore, newJobId, partitionOfModel } from '#libs/jobs';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { BatchExecutor } from '../batch.executor.js';
import { JobCanceler } from '../job.canceler.js';
import { JobExits } from '../job.exits.js';
import { JobObserver } from '../job.observer.js';
import { JobPublisher } from '../job.publisher.js';
import { JobRetries } from '../job.retries.js';
import { JobStarter } from '../job.starter.js';
import { MemoryBudget } from '../memory.budget.js';
import { ProgressWriter } from '../progress.writer.js';
import { TokenWriter } from '../token.writer.js';
import { SingleFlight } from '../single.flight.js';
import { ShadowTraffic } from '../shadow.traffic.js';
import { WorkerMetrics } from '../worker.metrics.js';
import { WorkerJob } from '../worker-job.js';

@Module({})
class Root {}

/** A job in this worker's hands. */
export interface Taken {
  id: string;
  job: WorkerJob;
  /** 'ended', or the HandBack; undefined while it is held. */
  told: () => unknown;
}

/** What brings the jobs of a worker to their ends, on a Redis of its own: all but queues, models and runners. */
export class TestWorker {
  readonly registry = new Registry();
  private redis!: TestRedis;
  private app!: INestApplicationContext;

  static async start(env: NodeJS.ProcessEnv = {}): Promise<TestWorker> {
    const worker = new TestWorker();
    worker.redis = await startTestRedis();
    const config = loadConfig({ REDIS_URL: worker.redis.url, ...env });
    const root = {
      module: Root,
      imports: [ConfigModule.forRoot(config), JobsModule.forRoot({ failFast: false })],
      providers: [
        BatchExecutor,
        JobCanceler,
        JobExits,
        JobObserver,
        JobPublisher,
        JobRetries,
        JobStarter,
        MemoryBudget,
        ProgressWriter,
        SingleFlight,
        TokenWriter,
        ShadowTraffic,
        { provide: WorkerMetrics, useValue: new WorkerMetrics(worker.registry) },
      ],
    };
    worker.app = await NestFactory.createApplicationContext(root, { logger: false });
    return worker;
  }

  get store(): JobStore {
    return this.app.get(JobStore);
  }

  get<T>(part: new (...args: never[]) => T): T {
    return this.app.get(part);
  }

  /** In this order: a connection that is up is left to the end of the process. */
  async stop(): Promise<void> {
    await this.redis.stop();
    await this.app.close();
  }

  /** A job of `count` instances, accepted and taken. */
  async accepted(about: Partial<JobMessage> = {}): Promise<Taken> {
    const id = newJobId(partitionOfModel('iris'));
    const { count = 1 } = about;
    const input = `\n${Array.from({ length: count }, (_, i) => String(i)).join(',\n')}`;
    const shared = { id, version: '1', count, bytes: 2, createdAt: Date.now(), resultTtlS: 60 };
    const spec = {
      ...shared,
      model: 'iris',
      many: count > 1,
      owner: '',
      requestId: '',
      metadata: {},
      warnings: [],
    };
    await this.store.create('iris', [{ spec, input, turn: 1 }]);
    return this.taken({ ...shared, turn: 1, requestId: '', input, ...about });
  }

  /** A job whose record is there, taken by this worker. */
  taken(message: JobMessage): Taken {
    let told: unknown;
    const job = new WorkerJob(
      'iris',
      { message, takenAt: Date.now(), suspect: false },
      1000,
      () => (told ??= 'ended'),
      (error) => (told ??= error),
    );
    return { id: message.id, job, told: () => told };
  }
}

/** A batch of whole jobs. */
export function batchOf(...jobs: WorkerJob[]): Batch<WorkerJob> {
  const slices = jobs.map((job) => ({ job, from: 0, to: job.count }));
  return { lane: '', slices, rows: jobs.length, reason: 'idle' };
}

/** A batch of a part of a job. */
export function partOf(job: WorkerJob, from: number, to: number): Batch<WorkerJob> {
  return { lane: '', slices: [{ job, from, to }], rows: to - from, reason: 'idle' };
}

/** What a runner says of slices: their outputs, or what became of them. */
export function replyOf(...slices: (string | Partial<SliceOutcome>)[]): RanReply {
  return {
    type: 'ran',
    batch: 0,
    slices: slices.map((slice) => ({
      ...{ outputs: '2', done: 1, error: null, batchSize: 1 },
      ...(typeof slice === 'string' ? { outputs: slice } : slice),
    })),
    timing: { preprocessMs: 0, inferenceMs: 1, postprocessMs: 0 },
    outOfMemory: false,
    rssBytes: 1,
  };
}
