import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import type { Counts, VersionDescription, VersionReport } from '#libs/contracts';
import { type VersionEvent, VersionServer } from '#libs/inference';
import { Observations, Rollouts } from '#libs/jobs';
import type { StoredVersion } from '#libs/models';
import type { End } from './job.exits.js';
import { MemoryBudget } from './memory.budget.js';
import { QuietGate } from './quiet.gate.js';
import { runnerOptions } from './runner-options.js';
import { type ShadowPlan, ShadowReplayer } from './shadow.replayer.js';
import { type Labels, type ShadowOutcome, WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

/** Gets only what others leave of the cores. */
const NICENESS = 19;

/** Names of the counts that an outcome adds to. */
const COUNTED_AS: Record<ShadowOutcome, string[]> = {
  agreed: ['compared', 'agreed'],
  disagreed: ['compared'],
  failed: ['failed'],
  skipped: ['skipped'],
};

/** What shadows need to know of the worker that they are in. */
export interface ShadowHost {
  stored: (model: string, version: string) => StoredVersion | undefined;
  /** None of its jobs waits or is computed. */
  isQuiet: () => boolean;
}

interface Follower {
  stored: StoredVersion;
  replayer: ShadowReplayer;
}

/** Keeps a shadow beside each model whose rollout has one. */
@Injectable()
export class ShadowTraffic implements OnModuleInit {
  private readonly logger = new Logger('Shadow');
  private readonly followers = new Map<string, Follower>();
  private host: ShadowHost | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly rollouts: Rollouts,
    private readonly observations: Observations,
    private readonly memory: MemoryBudget,
    private readonly metrics: WorkerMetrics,
  ) {
    memory.watchSpares(() => [...this.followers.values()].map(({ replayer }) => replayer.server));
    rollouts.onLooked(() => {
      this.refresh();
    });
  }

  async onModuleInit(): Promise<void> {
    await this.rollouts.open();
  }

  /** From then on shadows are run. */
  serve(host: ShadowHost): void {
    this.host = host;
    this.refresh();
  }

  /** Jobs of a model that have been published. */
  offer(model: string, ends: readonly End[]): void {
    this.followers.get(model)?.replayer.offer(ends);
  }

  /** Goes over to what rollouts and folders say now. */
  refresh(): void {
    const { host } = this;
    if (!host) return;
    const models = new Set([...this.followers.keys(), ...this.rollouts.models]);
    for (const model of models) this.follow(model, host);
  }

  /** At once. */
  async stop(): Promise<void> {
    this.host = undefined;
    const ended = [...this.followers.values()];
    this.followers.clear();
    await Promise.all(ended.map(({ replayer }) => replayer.stop()));
  }

  private follow(model: string, host: ShadowHost): void {
    const { stable, shadow } = this.rollouts.get(model)?.rollout ?? {};
    const plan = stable !== undefined && shadow ? { stable, shadow } : undefined;
    const stored = plan && host.stored(model, plan.shadow.version);
    const known = this.followers.get(model);
    if (known && plan && isDeepStrictEqual(known.stored, stored)) {
      known.replayer.plan = plan;
      return;
    }
    this.followers.delete(model);
    void known?.replayer.stop();
    if (!plan || !stored) return;
    const replayer = this.newReplayer(plan, stored, host);
    this.followers.set(model, { stored, replayer });
    replayer.start();
  }

  private newReplayer(plan: ShadowPlan, stored: StoredVersion, host: ShadowHost): ShadowReplayer {
    const { model, version, output } = stored.description;
    return new ShadowReplayer(plan, {
      kind: output.kind,
      runLimitMs: this.config.models.RUN_TIMEOUT_S * 1000,
      gate: new QuietGate(host.isQuiet),
      count: (outcome, jobs, times = {}) => {
        this.count({ model, version }, outcome, jobs, times);
      },
      newServer: (handler) =>
        new VersionServer<WorkerJob>({
          source: { ...stored, description: spare(stored.description) },
          handler,
          runner: (description) => ({
            ...runnerOptions(this.config.models, description, (line) => {
              this.logger.warn({ model, version, line }, 'runner of the shadow wrote');
            }),
            niceness: NICENESS,
          }),
          makeRoom: () => {
            this.memory.makeSpareRoom();
            return Promise.resolve();
          },
          onError: (err) => {
            this.logger.error({ model, version, err }, 'shadow in trouble');
          },
          // Those that are counted are the callers'.
          onRestart: () => undefined,
          onChange: (report, event) => {
            this.tell(report, event);
            if (event === 'ready') void this.memory.enforceSpares();
          },
        }),
    });
  }

  private count(labels: Labels, outcome: ShadowOutcome, jobs: number, times: Counts): void {
    const names = COUNTED_AS[outcome].map((name) => `shadow/${name}`);
    const counts = Object.fromEntries(names.map((name) => [name, jobs]));
    this.observations.add(labels.model, labels.version, { ...counts, ...times });
    this.metrics.shadowed(labels, outcome, jobs);
  }

  private tell({ model, version, reason, load_ms }: VersionReport, event: VersionEvent): void {
    const line = { model, version, reason, load_ms };
    if (event === 'crashed' || event === 'failed') this.logger.warn(line, `shadow ${event}`);
    else this.logger.log(line, `shadow ${event}`);
  }
}

/** One runner, that stays while nobody else needs its memory; what it predicts is no drift of the version. */
function spare(description: VersionDescription): VersionDescription {
  const lifecycle = { preload: true, keep_warm: 0, idle_unload_s: 0 };
  return { ...description, instances: 1, lifecycle, drift: undefined };
}
