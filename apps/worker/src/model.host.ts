import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import { CONFIG, type Config, ConfigError } from '#libs/config';
import { jobProblem, type ModelReport } from '#libs/contracts';
import { type VersionEvent, VersionServer } from '#libs/inference';
import { HandBack, type PredictConsumer, PredictConsumers, type TakenJob } from '#libs/jobs';
import { scanModels, type StoredModel, type StoredVersion } from '#libs/models';
import { BatchExecutor } from './batch.executor.js';
import { FleetReporter } from './fleet.reporter.js';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

/** Batches' worth of jobs that a version holds: one computing, one behind it, one gathering. */
const BATCHES_AHEAD = 3;
const MAX_TAKEN = 2048;
/** Long enough for a worker that can serve the job to come by first. */
const ELSEWHERE_DELAY_MS = 500;

interface HostedModel {
  stored: StoredModel;
  versions: Map<string, VersionServer<WorkerJob>>;
  consumer: PredictConsumer | null;
}

/** Opens every model under MODELS_DIR, and then takes its jobs. */
@Injectable()
export class ModelHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Models');
  private models: HostedModel[] = [];
  private settled = false;
  private stopping = false;
  private loading: Promise<void> = Promise.resolve();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly queues: PredictConsumers,
    private readonly executor: BatchExecutor,
    private readonly reporter: FleetReporter,
    private readonly metrics: WorkerMetrics,
  ) {}

  /** Resolves once every version has been loaded or has failed. */
  whenSettled(): Promise<void> {
    return this.loading;
  }

  /** True from then on. */
  get isSettled(): boolean {
    return this.settled;
  }

  async onApplicationBootstrap(): Promise<void> {
    const stored = await this.scan();
    this.models = await Promise.all(stored.map((model) => this.prepare(model)));
    this.reporter.start(() => this.report());
    // Loading goes on behind the open health port; jobs are taken model by model, once it is warm.
    this.loading = Promise.all(this.models.map((model) => this.open(model))).then(() => {
      this.settled = true;
      this.reporter.changed();
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.consumers().map((consumer) => consumer.stopTaking()));
    await Promise.all(
      this.models.flatMap(({ versions }) => [...versions.values()].map((server) => server.stop())),
    );
    await Promise.all(this.consumers().map((consumer) => consumer.close()));
    await this.reporter.stop();
  }

  private async scan(): Promise<StoredModel[]> {
    try {
      return await scanModels(this.config.models.MODELS_DIR);
    } catch (cause) {
      const { MODELS_DIR } = this.config.models;
      throw new ConfigError(`MODELS_DIR: ${MODELS_DIR} cannot be read`, { cause });
    }
  }

  private async prepare(stored: StoredModel): Promise<HostedModel> {
    if (stored.reason !== undefined) {
      this.logger.error({ model: stored.model, reason: stored.reason }, 'model cannot be served');
    }
    const servers = await Promise.all(
      stored.versions.map(async (version): Promise<[string, VersionServer<WorkerJob>]> => {
        return [version.description.version, await this.server(version)];
      }),
    );
    return { stored, versions: new Map(servers), consumer: null };
  }

  private async server({ description, file }: StoredVersion): Promise<VersionServer<WorkerJob>> {
    const { models } = this.config;
    const { model, version } = description;
    return new VersionServer<WorkerJob>({
      description,
      file,
      sha256: await sha256Of(file),
      runner: {
        executionProviders: models.EXECUTION_PROVIDERS,
        threads: models.RUNNER_THREADS,
        loadTimeoutMs: models.MODEL_LOAD_TIMEOUT_S * 1000,
        runTimeoutMs: models.RUN_TIMEOUT_S * 1000,
        onLine: (line) => {
          this.logger.warn({ model, version, line }, 'runner wrote');
        },
      },
      execute: (batch, run, reason) => this.executor.execute(batch, run, reason),
      onError: (err) => {
        this.logger.error({ model, version, err }, 'batch handed back');
      },
      onChange: ({ state, reason, load_ms }, event) => {
        this.tell(event, { model, version, state, reason, load_ms });
      },
    });
  }

  private async open(model: HostedModel): Promise<void> {
    const servers = [...model.versions.values()];
    await Promise.all(servers.map((server) => server.start()));
    const rows = servers.map((server) => server.report.batching.max_batch_size || 1);
    const ahead = rows.reduce((sum, cap) => sum + BATCHES_AHEAD * cap, 1);
    if (this.stopping) return;
    // A model that failed is subscribed to as well: its jobs end with the reason, not in silence.
    model.consumer = this.queues.open(model.stored.model, Math.min(ahead, MAX_TAKEN), (job) =>
      this.take(model, job),
    );
  }

  private take({ stored, versions }: HostedModel, taken: TakenJob): Promise<void> {
    return new Promise((resolve, reject) => {
      const job: WorkerJob = {
        ...taken,
        model: stored.model,
        rows: taken.message.count,
        bytes: taken.message.bytes,
        // A worker died with it in hand; it may have been the cause.
        solo: taken.stalls > 0,
        ended: resolve,
        handBack: (delayMs = 0) => {
          reject(new HandBack(delayMs));
        },
      };
      const server = versions.get(taken.message.version);
      if (server && server.report.state !== 'failed') server.submit(job);
      else this.refuse(job, server?.report.reason ?? stored.reason).catch(reject);
    });
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

  private consumers(): PredictConsumer[] {
    return this.models.flatMap(({ consumer }) => consumer ?? []);
  }

  private report(): ModelReport[] {
    return this.models.map(({ stored, versions }) => ({
      model: stored.model,
      description: stored.description,
      reason: stored.reason,
      versions: [...versions.values()].map((server) => server.report),
    }));
  }

  private tell(event: VersionEvent, line: Record<string, unknown>): void {
    if (event === 'crashed') {
      this.metrics.crashed({ model: String(line['model']), version: String(line['version']) });
    }
    if (event === 'crashed' || event === 'failed') this.logger.error(line, `model ${event}`);
    else this.logger.log(line, `model ${event}`);
    this.reporter.changed();
  }
}

/** @returns undefined for a file that cannot be read; its runner will say why. */
async function sha256Of(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}
