import { Injectable } from '@nestjs/common';
import { type DriftSettings, ProblemError } from '#libs/contracts';
import { DriftStore, Observations } from '#libs/jobs';
import type { CatalogVersion } from '../models/catalog.model.js';
import { ModelCatalog } from '../models/model.catalog.js';
import { VersionRouter } from '../models/version.router.js';
import { driftView, type VersionDriftView } from './drift.view.js';

/** Of a version that is not watched, or whose worker does not say. */
const USUAL_WINDOW_S = 3600;

/** What is observed of versions, compared with their references. */
@Injectable()
export class DriftService {
  constructor(
    private readonly catalog: ModelCatalog,
    private readonly router: VersionRouter,
    private readonly observations: Observations,
    private readonly store: DriftStore,
  ) {}

  /** @param version or alias; absent: all. @throws ProblemError as `VersionRouter.find` */
  async of(
    model: string,
    version: string | undefined,
    windowS: number | undefined,
  ): Promise<VersionDriftView[]> {
    const versions =
      version === undefined ? this.catalog.get(model).versions : [this.router.find(model, version)];
    return Promise.all(versions.map((one) => this.ofVersion(one, windowS)));
  }

  /**
   * Makes what was observed the reference.
   * @throws ProblemError `invalid-request` where nothing was; else as `VersionRouter.find`
   */
  async pin(
    model: string,
    version: string,
    asked: number | undefined,
    by: string,
  ): Promise<VersionDriftView> {
    const found = this.router.find(model, version);
    const windowS = windowOf(found, asked);
    const number = found.report.version;
    const counts = await this.observations.recent(model, number, windowS);
    if (!counts['rows']) {
      throw new ProblemError('invalid-request', 'Nothing was observed of it in that window.', {
        errors: [
          { pointer: '/window_s', message: 'must reach back to instances that were watched' },
        ],
      });
    }
    const at = new Date().toISOString();
    await this.store.pin(model, number, { kind: 'pinned', counts, at, by, window_s: windowS });
    return this.ofVersion(found, asked);
  }

  /** @returns the version's number. @throws ProblemError as `VersionRouter.find` */
  async unpin(model: string, version: string): Promise<string> {
    const { report } = this.router.find(model, version);
    await this.store.unpin(model, report.version);
    return report.version;
  }

  private async ofVersion(
    version: CatalogVersion,
    asked: number | undefined,
  ): Promise<VersionDriftView> {
    const { report } = version;
    const windowS = windowOf(version, asked);
    const [state, observed] = await Promise.all([
      this.store.read(report.model, report.version),
      this.observations.recent(report.model, report.version, windowS),
    ]);
    return driftView(report.version, settingsOf(version), windowS, state, observed);
  }
}

function settingsOf({ report }: CatalogVersion): DriftSettings | null {
  return report.drift === false ? null : (report.drift ?? null);
}

function windowOf(version: CatalogVersion, asked: number | undefined): number {
  return asked ?? settingsOf(version)?.window_s ?? USUAL_WINDOW_S;
}
