import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type ModelReport, ProblemError, type WorkerReport } from '#libs/contracts';
import { FleetStore } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { CatalogModel } from './catalog.model.js';
import { mergeReports } from './merge-reports.js';

/** Reports are announced; looking this often heals an announcement that was lost. */
const REFRESH_MS = 3000;

/**
 * What can be predicted with, as the workers tell it: kept in memory, so that a submission asks nobody.
 */
@Injectable()
export class ModelCatalog implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly trouble = new LastingTrouble(new Logger('Catalog'));
  private models = new Map<string, CatalogModel>();
  private workers: WorkerReport[] = [];
  private timer: NodeJS.Timeout | undefined;
  private unwatch: (() => void) | undefined;
  private refreshing: Promise<void> | undefined;
  private refreshAgain = false;
  private goneListener: () => void = () => undefined;
  private namesListener: (names: string[]) => void = () => undefined;

  constructor(private readonly fleet: FleetStore) {}

  async onApplicationBootstrap(): Promise<void> {
    this.unwatch = await this.fleet.watch(() => void this.refresh());
    await this.refresh();
    this.timer = setInterval(() => void this.refresh(), REFRESH_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
    this.unwatch?.();
  }

  /** By name. */
  list(): CatalogModel[] {
    return [...this.models.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws ProblemError `model-not-found`, or `not-ready` before any worker was ever seen. */
  get(name: string): CatalogModel {
    const model = this.models.get(name);
    if (model) return model;
    if (this.models.size === 0 && this.workers.length === 0) {
      throw new ProblemError('not-ready', 'No worker has reported its models yet.', {
        retryAfterS: 2,
      });
    }
    throw new ProblemError('model-not-found', `GET /v1/models lists the models there are.`);
  }

  /** Tells `listener` the names of the models, now and whenever one comes or goes. */
  onNames(listener: (names: string[]) => void): void {
    this.namesListener = listener;
    listener(this.list().map(({ name }) => name));
  }

  /** Calls `listener` whenever a model or a version of one has gone. */
  onGone(listener: () => void): void {
    this.goneListener = listener;
  }

  has(name: string, version?: string): boolean {
    const model = this.models.get(name);
    if (!model || version === undefined) return model !== undefined;
    return model.versions.some(({ report }) => report.version === version);
  }

  liveWorkers(): readonly WorkerReport[] {
    return this.workers;
  }

  /** Jobs of a model that the workers alive end in a second; 0 before they have ended some. */
  jobsPerS(name: string): number {
    const reports = this.workers.flatMap(({ models }) => models.filter((m) => m.model === name));
    return reports.reduce((sum, { jobs_per_s = 0 }) => sum + jobs_per_s, 0);
  }

  /** One look at a time; one that is asked for meanwhile follows. */
  private async refresh(): Promise<void> {
    if (this.refreshing) {
      this.refreshAgain = true;
      return this.refreshing;
    }
    this.refreshing = this.look();
    await this.refreshing;
    this.refreshing = undefined;
    if (this.refreshAgain) {
      this.refreshAgain = false;
      void this.refresh();
    }
  }

  private async look(): Promise<void> {
    try {
      const { workers, lastCatalog } = await this.fleet.read();
      this.workers = workers;
      this.update(mergeReports(workers, lastCatalog ?? this.list().map(({ report }) => report)));
      this.trouble.isOver();
    } catch (err) {
      this.trouble.met(err, 'catalog not refreshed');
    }
  }

  private update(reports: ModelReport[]): void {
    const before = this.list().map(({ name }) => name);
    const known = [...this.models.values()].flatMap(({ report: { model, versions } }) =>
      versions.map(({ version }) => ({ model, version })),
    );
    this.models = new Map(
      reports.map((report) => [
        report.model,
        CatalogModel.from(report, this.models.get(report.model)),
      ]),
    );
    const names = this.list().map(({ name }) => name);
    if (names.join() !== before.join()) this.namesListener(names);
    if (known.some(({ model, version }) => !this.has(model, version))) this.goneListener();
  }
}
