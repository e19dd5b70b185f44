import { hash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import type { Counts, DriftBasis, VersionReport } from '#libs/contracts';
import { DriftStore } from '#libs/jobs';

/** A version that this worker serves. */
export interface WatchedVersion {
  readonly report: VersionReport;
  /** Undefined: it is not watched, or not loaded. */
  readonly drift: DriftBasis | undefined;
  /** Runs its reference. @throws Error where its runner ends before. */
  profile(): Promise<{ counts: Counts | null; reason: string }>;
}

/** Sees to it that what a version is compared with is known: computed once, whatever number of workers has it. */
@Injectable()
export class DriftReferences {
  private readonly logger = new Logger('Drift');

  constructor(private readonly store: DriftStore) {}

  /** Of a version that has just been loaded. @throws what Redis threw. */
  async loaded(watched: WatchedVersion): Promise<void> {
    const { drift, report } = watched;
    if (!drift) return;
    const { model, version } = report;
    const { reason } = drift;
    if (reason !== undefined) {
      this.logger.warn({ model, version, reason }, 'drift reference not used');
    }
    await this.store.putBasis(model, version, digestOf(report, drift), drift);
    await this.ensure(watched);
  }

  /** Computes the reference, unless that is done, or another worker does it. @throws what Redis threw. */
  async ensure(watched: WatchedVersion): Promise<void> {
    const { drift, report } = watched;
    if (!drift?.reference) return;
    const { model, version } = report;
    const digest = digestOf(report, drift);
    const { basis, heldOut } = await this.store.read(model, version);
    if (heldOut || basis?.digest !== digest || basis.reason !== undefined) return;
    if (!(await this.store.claim(model, version, digest))) return;
    try {
      const { counts, reason } = await watched.profile();
      if (counts) {
        const at = new Date().toISOString();
        await this.store.putHeldOut(model, version, digest, { kind: 'held-out', counts, at });
        const line = { model, version, instances: counts['rows'] ?? 0 };
        this.logger.log(line, 'drift reference computed');
      } else {
        this.logger.warn({ model, version, reason }, 'drift reference not used');
        await this.store.putBasis(model, version, digest, { ...drift, reference: null, reason });
      }
    } catch (error) {
      // Unloaded meanwhile, as one that is not preloaded is; the next that loads it begins anew.
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.log({ model, version, reason }, 'drift reference not computed yet');
      await this.store.release(model, version, digest);
    }
  }
}

/** Of all that the predictions for the reference, and how they are counted, depend on. */
function digestOf({ sha256, input, output }: VersionReport, drift: DriftBasis): string {
  return hash('sha256', JSON.stringify([sha256, input, output, drift]));
}
