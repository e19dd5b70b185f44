import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { clock } from '#libs/clock';
import type { RolloutChange } from '#libs/contracts';
import { Observations, Rollouts } from '#libs/jobs';
import { decide, type GuardDecision, isPromotionDue } from '#libs/models';
import { FleetReporter } from './fleet.reporter.js';
import { WorkerMetrics } from './worker.metrics.js';

/** Counts are judged as they come in; what time alone decides is looked at so often. */
const TICK_MS = 1000;

/** @returns why this worker cannot serve a version; undefined where it can, or does not have the model. */
export type FailureOf = (model: string, version: string) => string | undefined;

/**
 * Ends rollouts by the conditions that they carry. Every worker judges by the counts of all; the first to find
 * changes the rollout, and the others find it changed.
 */
@Injectable()
export class RolloutGuard implements OnApplicationShutdown {
  private readonly logger = new Logger('Rollout');
  /** Models that are judged now; true: counts have come in since. */
  private readonly judged = new Map<string, boolean>();
  private failureOf: FailureOf = () => undefined;
  private ticker: NodeJS.Timeout | undefined;

  constructor(
    private readonly rollouts: Rollouts,
    private readonly observations: Observations,
    private readonly reporter: FleetReporter,
    private readonly metrics: WorkerMetrics,
  ) {}

  watch(failureOf: FailureOf): void {
    this.failureOf = failureOf;
    this.observations.onWritten((model) => {
      this.judge(model);
    });
    this.ticker = setInterval(() => {
      for (const model of this.rollouts.models) {
        const change = this.rollouts.get(model);
        if (!change) continue;
        if (isPromotionDue(change, clock.now()) || this.failure(model, change)) this.judge(model);
      }
    }, TICK_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.ticker);
  }

  /** Once at a time, and once more where counts have come in meanwhile. */
  private judge(model: string): void {
    const change = this.rollouts.get(model);
    if (!change?.rollout?.guard || !change.rollout.canary) return;
    if (this.judged.has(model)) {
      this.judged.set(model, true);
      return;
    }
    this.judged.set(model, false);
    this.judgeNow(model, change)
      .catch((err: unknown) => {
        this.logger.warn({ model, err }, 'rollout not judged');
      })
      .finally(() => {
        const again = this.judged.get(model);
        this.judged.delete(model);
        if (again) this.judge(model);
      });
  }

  private async judgeNow(model: string, change: RolloutChange): Promise<void> {
    const failure = this.failure(model, change);
    if (failure !== undefined && !(await this.isServedElsewhere(model, change))) {
      await this.end(model, change, { event: 'rolled-back', reason: failure });
      return;
    }
    const counts = await this.observations.under(model, change.revision);
    const decision = decide(change, counts, clock.now());
    if (decision) await this.end(model, change, decision);
  }

  private failure(model: string, { rollout }: RolloutChange): string | undefined {
    if (!rollout?.guard || !rollout.canary) return undefined;
    return this.failureOf(model, rollout.canary.version);
  }

  private isServedElsewhere(model: string, { rollout }: RolloutChange): Promise<boolean> {
    return this.reporter.isServedElsewhere(model, rollout?.canary?.version ?? '');
  }

  private async end(
    model: string,
    { rollout, revision }: RolloutChange,
    { event, reason }: GuardDecision,
  ): Promise<void> {
    const { stable = '', canary } = rollout ?? {};
    const version = canary?.version ?? '';
    const next = { stable: event === 'promoted' ? version : stable };
    const change = {
      event,
      at: new Date(clock.now()).toISOString(),
      by: 'guard',
      reason,
      rollout: next,
    };
    // Another worker may have been quicker, or an operator.
    if (!(await this.rollouts.change(model, change, revision))) return;
    this.metrics.rolloutEnded(model, event);
    const line = { model, version, stable: next.stable, reason };
    if (event === 'promoted') this.logger.log(line, 'canary promoted');
    else this.logger.warn(line, 'canary rolled back');
  }
}
