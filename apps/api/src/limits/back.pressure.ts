import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { QueuedJobs, RedisHealth, type RedisMemory, Submitter } from '#libs/jobs';
import { ApiMetrics } from '../api.metrics.js';
import { ModelCatalog } from '../models/model.catalog.js';
import { Refusals } from './refusals.js';

/** From one look to the next; acceptances tell in between how long their queue is. */
const LOOK_MS = 1000;
/** Results make room when they are kept no longer, which may take a while. */
const FULL_RETRY_S = 10;

export const OVERLOAD_REASONS = ['redis-memory', 'queue-depth', 'estimated-wait'] as const;
export type OverloadReason = (typeof OVERLOAD_REASONS)[number];

/** Why no more jobs are accepted. */
export interface Overload {
  reason: OverloadReason;
  /** Absent: of all models. */
  model?: string;
  detail: string;
  waitS: number;
}

/** Says no to more jobs before anything breaks. What is there already is read, canceled and ended as ever. */
@Injectable()
export class BackPressure implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Limits');
  private readonly limits: Config['limits'];
  private memory: RedisMemory | undefined;
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    private readonly redis: RedisHealth,
    private readonly queued: QueuedJobs,
    private readonly submitter: Submitter,
    private readonly catalog: ModelCatalog,
    private readonly refusals: Refusals,
    private readonly metrics: ApiMetrics,
  ) {
    this.limits = limits;
  }

  onApplicationBootstrap(): void {
    void this.look();
    this.timer = setInterval(() => void this.look(), LOOK_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** @throws ProblemError `overloaded`. @param model that a job is for; absent: it is not known yet. */
  check(model?: string): void {
    const overload = this.overload(model);
    if (!overload) return;
    throw this.refusals.refuse('overloaded', overload.detail, overload.waitS);
  }

  /** All that jobs are refused for. */
  overloads(): Overload[] {
    const all = this.overload();
    if (all) return [all];
    return this.catalog.list().flatMap(({ name }) => this.overload(name) ?? []);
  }

  /** Seconds until a job that is submitted now would be started, by what the workers get through; 0: unknown. */
  estimatedWaitS(model: string): number {
    return this.secondsFor(model, this.submitter.depths.get(model) ?? 0);
  }

  private overload(model?: string): Overload | undefined {
    const { MAX_REDIS_MEMORY_PERCENT: percent } = this.limits;
    const { usedBytes, maxBytes } = this.memory ?? { usedBytes: 0, maxBytes: 0 };
    if (percent > 0 && maxBytes > 0 && 100 * usedBytes > percent * maxBytes) {
      const detail = 'The job store is nearly full. Send the same request again later.';
      return { reason: 'redis-memory', detail, waitS: FULL_RETRY_S };
    }
    return model === undefined ? undefined : this.overloadOf(model);
  }

  private overloadOf(model: string): Overload | undefined {
    const { MAX_QUEUE_DEPTH: maxDepth, MAX_ESTIMATED_WAIT_S: maxWaitS } = this.limits;
    const depth = this.submitter.depths.get(model) ?? 0;
    if (maxDepth > 0 && depth >= maxDepth) {
      const detail = `The queue of ${model} is full. Send the same request again later.`;
      const waitS = this.secondsFor(model, depth - maxDepth + 1);
      return { reason: 'queue-depth', model, detail, waitS };
    }
    const waitS = this.estimatedWaitS(model);
    if (maxWaitS > 0 && waitS > maxWaitS) {
      const detail = `A job of ${model} would wait for too long. Send the same request again later.`;
      return { reason: 'estimated-wait', model, detail, waitS: waitS - maxWaitS };
    }
    return undefined;
  }

  private secondsFor(model: string, jobs: number): number {
    const jobsPerS = this.catalog.jobsPerS(model);
    return jobsPerS > 0 ? jobs / jobsPerS : 0;
  }

  private async look(): Promise<void> {
    // One that Redis keeps waiting is not joined by others.
    if (this.looking) return;
    this.looking = true;
    const models = this.catalog.list().map(({ name }) => name);
    try {
      const [memory, depths] = await Promise.all([this.redis.memory(), this.queued.depths(models)]);
      this.memory = memory;
      for (const [model, depth] of depths) this.submitter.depths.set(model, depth);
    } catch (err) {
      this.logger.debug({ err }, 'load not looked at');
    } finally {
      this.looking = false;
    }
    const overloads = new Map<string, number>(OVERLOAD_REASONS.map((reason) => [reason, 0]));
    for (const { reason } of this.overloads()) {
      overloads.set(reason, (overloads.get(reason) ?? 0) + 1);
    }
    const depths = new Map(models.map((name) => [name, this.submitter.depths.get(name) ?? 0]));
    this.metrics.loadIs(this.memory, depths, overloads);
  }
}
