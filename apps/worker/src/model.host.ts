import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import { CONFIG, type Config, ConfigError } from '#libs/config';
import type { ModelReport, VersionReport } from '#libs/contracts';
import { type BatchHandler, type VersionEvent, VersionServer } from '#libs/inference';
import {
  type FleetCommand,
  FleetStore,
  PredictConsumers,
  PredictQueues,
  RedisHealth,
  Rollouts,
} from '#libs/jobs';
import { ModelWatcher, type StoredModel, type StoredVersion } from '#libs/models';
import { LastingTrouble } from '#libs/telemetry';
import { BatchExecutor } from './batch.executor.js';
import { DriftWatch } from './drift/drift.watch.js';
import { FleetReporter } from './fleet.reporter.js';
import { HostedModel } from './hosted.model.js';
import { JobIntake } from './job.intake.js';
import { MemoryBudget } from './memory.budget.js';
import { isPipeline, PipelineServer } from './pipelines/pipeline.server.js';
import { StepModels } from './pipelines/step.models.js';
import { RolloutGuard } from './rollout.guard.js';
import { runnerOptions } from './runner-options.js';
import type { ServedVersion } from './served.version.js';
import { ShadowTraffic } from './shadow.traffic.js';
import { type IsServed, WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

/** Until every api has heard that a version has gone; what was accepted till then is still run. */
const GONE_GRACE_MS = 5000;
const SWEEP_MS = 1000;

/** Serves every model under MODELS_DIR as it is now, and takes its jobs. */
@Injectable()
export class ModelHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Models');
  private readonly trouble = new LastingTrouble(this.logger, 'error');
  private readonly models = new Map<string, HostedModel>();
  private readonly stepModels: StepModels;
  private readonly watcher: ModelWatcher;
  private settled = false;
  private stopping = false;
  private loading: Promise<void> = Promise.resolve();
  private sweeper: NodeJS.Timeout | undefined;
  private unsubscribe: () => void = () => undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly consumers: PredictConsumers,
    private readonly queues: PredictQueues,
    private readonly fleet: FleetStore,
    private readonly executor: BatchExecutor,
    private readonly reporter: FleetReporter,
    private readonly metrics: WorkerMetrics,
    private readonly memory: MemoryBudget,
    private readonly intake: JobIntake,
    private readonly shadows: ShadowTraffic,
    private readonly guard: RolloutGuard,
    private readonly drift: DriftWatch,
    private readonly redis: RedisHealth,
    rollouts: Rollouts,
  ) {
    this.stepModels = new StepModels(this.models, rollouts);
    this.watcher = new ModelWatcher(config.models.MODELS_DIR, {
      intervalMs: config.models.MODELS_POLL_MS,
      onChange: (stored) => {
        this.update(stored).catch((err: unknown) => {
          this.logger.error({ err }, 'models not updated');
        });
      },
      onError: (err) => {
        this.logger.error({ err }, 'MODELS_DIR cannot be read; what was there before is served');
      },
    });
    memory.watch(() => this.servers());
    metrics.watch(() => [...this.models.values()]);
  }

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
    this.unsubscribe = await this.fleet.onCommand((command) => {
      this.obey(command);
    });
    this.reporter.start(() => this.report());
    // Loading goes on behind the open health port; jobs are taken model by model, once it is warm.
    this.loading = this.update(stored).then(() => {
      this.settled = true;
      this.reporter.changed();
      this.shadows.serve({
        stored: (model, version) => this.models.get(model)?.storedVersion(version),
        isQuiet: () => this.servers().every(({ isIdle }) => isIdle),
      });
    });
    this.guard.watch((model, version) => this.models.get(model)?.failureOf(version));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.intake.stop();
    this.watcher.stop();
    clearTimeout(this.sweeper);
    this.unsubscribe();
    const models = [...this.models.values()];
    const jobsInHand = (): number => models.reduce((sum, model) => sum + model.jobsInHand, 0);
    await Promise.all([this.shadows.stop(), ...models.map((model) => model.stopTaking())]);
    const stopped = Promise.all(models.map((model) => model.stop()));
    if (!(await this.redis.doneOrAway(stopped, () => jobsInHand() > 0))) {
      const line = { jobs: jobsInHand() };
      this.logger.warn(line, 'Redis is away: what is in hand is left to other workers');
    }
    await this.reporter.stop();
  }

  private async scan(): Promise<StoredModel[]> {
    try {
      return await this.watcher.start();
    } catch (cause) {
      const { MODELS_DIR } = this.config.models;
      throw new ConfigError(`MODELS_DIR: ${MODELS_DIR} cannot be read`, { cause });
    }
  }

  /** Goes over to what MODELS_DIR holds now. */
  private async update(stored: StoredModel[]): Promise<void> {
    const names = new Set(stored.map(({ model }) => model));
    const gone = [...this.models.values()].filter(({ name }) => !names.has(name));
    await Promise.all([
      ...gone.map((model) => model.update({ model: model.name, versions: [] })),
      ...stored.filter((model) => !chains(model)).map((model) => this.updateModel(model)),
    ]);
    // Only then it is known whether there is what their steps run.
    await Promise.all(stored.filter(chains).map((model) => this.updateModel(model)));
    this.reporter.changed();
    this.shadows.refresh();
    this.sweepLater();
  }

  private async updateModel(stored: StoredModel): Promise<void> {
    const { model: name, reason } = stored;
    if (reason !== undefined) this.logger.error({ model: name, reason }, 'model cannot be served');
    let model = this.models.get(name);
    if (!model) {
      model = new HostedModel(stored, {
        newServer: (version) => this.newServer(version),
        nextTurn: (of) => this.queues.nextTurn(of),
        hasJobsFrom: (from, beforeMs) => this.queues.hasJobsFrom(from, beforeMs),
        openConsumer: (...args) => this.consumers.open(...args),
        handle: (job, hosted) => this.intake.take(job, hosted),
      });
      this.models.set(name, model);
    }
    await model.update(stored);
    // A model that failed is subscribed to as well: its jobs end with the reason, not in silence.
    if (!this.stopping) model.takeJobs();
  }

  private newServer(stored: StoredVersion): ServedVersion {
    const { models } = this.config;
    const { description } = stored;
    const { model, version, instances } = description;
    const onError = (err: Error): void => {
      this.trouble.met(err, `batch handed back (${model} version ${version})`);
    };
    if (isPipeline(description)) {
      return new PipelineServer({
        description,
        handler: this.handlerFor(model),
        models: this.stepModels,
        runLimitMs: models.RUN_TIMEOUT_S * 1000,
        onError,
        onChange: (report, event) => {
          this.tell(report, event);
        },
      });
    }
    const server: VersionServer<WorkerJob> = new VersionServer<WorkerJob>({
      source: stored,
      handler: this.handlerFor(model),
      runner: (description) => ({
        ...runnerOptions(models, description, (line) => {
          this.logger.warn({ model, version, line }, 'runner wrote');
        }),
        onObserved: (counts) => {
          this.drift.observed(model, version, counts);
        },
      }),
      makeRoom: () => this.memory.makeRoom(server, instances),
      onError,
      onRestart: () => {
        this.metrics.restarted({ model, version });
      },
      onChange: (report, event) => {
        this.tell(report, event);
        if (event === 'ready') this.drift.loaded(server);
        if (event === 'ready') void this.memory.enforce(server);
      },
    });
    return server;
  }

  private handlerFor(model: string): BatchHandler<WorkerJob> {
    const { executor } = this;
    return {
      begin: (batch, content) => executor.begin(batch, content),
      told: (batch, piece) => {
        executor.told(batch, piece);
      },
      fail: (jobs, problem) => executor.fail(jobs, problem),
      lost: (batch, error) => {
        executor.lost(batch, error);
      },
      finish: async (batch, reply) => {
        await executor.finish(batch, reply);
        if (batch.slices.some(({ job }) => job.isOver)) return;
        this.models
          .get(model)
          ?.makeWay()
          .catch((err: unknown) => {
            this.logger.warn({ model, err }, 'queue not looked at');
          });
      },
    };
  }

  private obey({ type, model, version }: FleetCommand): void {
    const server = this.models.get(model)?.server(version);
    if (type === 'load') void server?.load();
    else void server?.unload();
  }

  /** Ends what has gone from MODELS_DIR when its last jobs have been run. */
  private sweepLater(): void {
    clearTimeout(this.sweeper);
    if (this.stopping) return;
    this.sweeper = setTimeout(() => void this.sweepNow(), SWEEP_MS).unref();
  }

  private async sweepNow(): Promise<void> {
    try {
      if (await this.sweep()) this.sweepLater();
      const isServed: IsServed = (model, version) => {
        const hosted = this.models.get(model);
        return version === undefined ? hosted !== undefined : hosted?.server(version) !== undefined;
      };
      this.drift.keep(isServed);
      await this.metrics.keep(isServed);
    } catch (err) {
      this.logger.warn({ err }, 'models that have gone are looked at again');
      this.sweepLater();
    }
  }

  /** @returns whether something that has gone still has work. */
  private async sweep(): Promise<boolean> {
    let again = false;
    for (const [name, model] of this.models) {
      again = (await model.sweep(GONE_GRACE_MS)) || again;
      if (!model.isEmpty) continue;
      await model.stopTaking();
      await model.stop();
      this.models.delete(name);
      this.reporter.changed();
    }
    return again;
  }

  private servers(): ServedVersion[] {
    return [...this.models.values()].flatMap((model) => model.servers);
  }

  private report(): ModelReport[] {
    return [...this.models.values()].filter((m) => !m.isGone).map((model) => model.report);
  }

  private tell(report: VersionReport, event: VersionEvent): void {
    const { model, version, state, load_ms, update } = report;
    const reason = update?.reason ?? report.reason;
    const line = { model, version, state, reason, load_ms };
    if (event === 'crashed') this.metrics.crashed({ model, version });
    if (event === 'crashed' || event === 'failed' || event === 'update-failed') {
      this.logger.error(line, `model ${event}`);
    } else this.logger.log(line, `model ${event}`);
    this.reporter.changed();
  }
}

function chains({ versions }: StoredModel): boolean {
  return versions.some(({ description }) => isPipeline(description));
}
