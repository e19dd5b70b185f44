import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Counts, DriftLevel, DriftSettings } from '#libs/contracts';
import { DriftStore, Observations } from '#libs/jobs';
import { severity, type VersionDrift, versionDrift } from '#libs/statistics';
import type { IsServed } from '../worker.metrics.js';
import { DriftMetrics } from './drift.metrics.js';
import { DriftReferences, type WatchedVersion } from './drift.references.js';

/** A version that something was observed of is compared so often, and some time after the last of it. */
const COMPARE_MS = 10_000;
/** A level is left once the index is below this part of what it takes to reach it: none comes and goes. */
const LEAVING = 0.8;

interface Watching {
  watched: WatchedVersion;
  /** Something was observed since it was compared. */
  isObserved: boolean;
  timer: NodeJS.Timeout | undefined;
  /** ms of `performance.now()`. */
  comparedMs: number;
}

/** Compares what is observed of the versions that this worker serves, and tells when a level is crossed. */
@Injectable()
export class DriftWatch implements OnApplicationShutdown {
  private readonly logger = new Logger('Drift');
  private readonly versions = new Map<string, Watching>();

  constructor(
    private readonly observations: Observations,
    private readonly store: DriftStore,
    private readonly references: DriftReferences,
    private readonly metrics: DriftMetrics,
  ) {
    observations.onWritten((model, version) => {
      const watching = this.versions.get(`${model}/${version}`);
      if (!watching) return;
      watching.isObserved = true;
      this.compareSoon(watching);
    });
  }

  onApplicationShutdown(): void {
    for (const { timer } of this.versions.values()) clearTimeout(timer);
    this.versions.clear();
  }

  /** A version has been loaded, or loaded anew. */
  loaded(watched: WatchedVersion): void {
    const { model, version } = watched.report;
    const name = `${model}/${version}`;
    clearTimeout(this.versions.get(name)?.timer);
    this.versions.delete(name);
    if (!watched.drift) return;
    this.versions.set(name, {
      watched,
      isObserved: false,
      timer: undefined,
      comparedMs: -Infinity,
    });
    this.references.loaded(watched).catch((err: unknown) => {
      this.logger.warn({ model, version, err }, 'drift reference not looked after');
    });
  }

  /** Versions that are not served any more are told of no more. */
  keep(isServed: IsServed): void {
    for (const [name, { watched, timer }] of this.versions) {
      const { model, version } = watched.report;
      if (isServed(model, version)) continue;
      clearTimeout(timer);
      this.versions.delete(name);
    }
    this.metrics.keep(isServed);
  }

  observed(model: string, version: string, counts: Counts): void {
    this.metrics.observed({ model, version }, counts);
    this.observations.add(model, version, counts);
  }

  private compareSoon(watching: Watching): void {
    if (watching.timer) return;
    const inMs = Math.max(0, watching.comparedMs + COMPARE_MS - performance.now());
    watching.timer = setTimeout(() => {
      watching.timer = undefined;
      watching.comparedMs = performance.now();
      // Once more, as other workers write a moment later what they have observed at the same time.
      if (watching.isObserved) this.compareSoon(watching);
      watching.isObserved = false;
      const { model, version } = watching.watched.report;
      this.compare(watching.watched).catch((err: unknown) => {
        this.logger.warn({ model, version, err }, 'drift not looked at');
      });
    }, inMs).unref();
  }

  private async compare(watched: WatchedVersion): Promise<void> {
    const { model, version, drift: settings } = watched.report;
    if (!settings) return;
    const state = await this.store.read(model, version);
    const reference = state.pinned ?? state.heldOut;
    if (!reference) {
      await this.references.ensure(watched);
      return;
    }
    const observed = await this.observations.recent(model, version, settings.window_s);
    const compareBy = (by: DriftSettings): VersionDrift =>
      versionDrift(state.basis?.features ?? [], observed, reference.counts, by);
    const drift = compareBy(settings);
    // Gone meanwhile, or loaded anew.
    if (this.versions.get(`${model}/${version}`)?.watched !== watched) return;
    this.metrics.compared(model, version, drift, settings.window_s);
    const to = drift.level;
    // With too little in the window nothing is known of a change.
    if (to === null || to === 'insufficient-samples' || to === state.level) return;
    const eases = severity(to) < severity(state.level);
    if (eases && severity(compareBy(eased(settings)).level) >= severity(state.level)) return;
    const isOurs = await this.store.changeLevel(model, version, state.level, to);
    if (isOurs) this.tell({ model, version }, drift, state.level, to);
  }

  private tell(of: object, drift: VersionDrift, from: DriftLevel, level: DriftLevel): void {
    const worst = drift.features.reduce((a, b) =>
      (b.compared?.psi ?? 0) > (a.compared?.psi ?? 0) ? b : a,
    );
    const { feature, samples, compared } = worst;
    const { psi = 0, ks = null } = compared ?? {};
    // Not as `level`, which is the line's own.
    const line = { ...of, drift: level, from, feature: feature.name, psi, ks, samples };
    const message = 'drift level changed';
    if (severity(level) < severity(from)) this.logger.log(line, message);
    else if (level === 'alert') this.logger.error(line, message);
    else this.logger.warn(line, message);
  }
}

function eased(settings: DriftSettings): DriftSettings {
  const { warn_psi, alert_psi } = settings;
  return { ...settings, warn_psi: warn_psi * LEAVING, alert_psi: alert_psi * LEAVING };
}
