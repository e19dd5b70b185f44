import { isDeepStrictEqual } from 'node:util';
import { type ModelReport, ProblemError, type VersionReport } from '#libs/contracts';
import { partitionOfModel } from '#libs/jobs';
import { InputValidator } from '#libs/models';

/** A version that can be asked for. */
export class CatalogVersion {
  private compiled: InputValidator | undefined;

  constructor(
    readonly report: VersionReport,
    readonly partition: number,
  ) {}

  /** Compiled at first use. @throws ProblemError `not-ready` while a raw graph was never opened. */
  validator(): InputValidator {
    this.compiled ??= new InputValidator(this.report);
    return this.compiled;
  }
}

/** A model with its versions, lowest first. */
export class CatalogModel {
  private constructor(
    readonly report: ModelReport,
    readonly versions: readonly CatalogVersion[],
  ) {}

  /** Versions that have not changed keep their compiled validators. */
  static from(report: ModelReport, before: CatalogModel | undefined): CatalogModel {
    const partition = partitionOfModel(report.model);
    const versions = report.versions.map((version) => {
      const known = before?.versions.find((v) => v.report.version === version.version);
      return known && isDeepStrictEqual(known.report, version)
        ? known
        : new CatalogVersion(version, partition);
    });
    return new CatalogModel(report, versions);
  }

  get name(): string {
    return this.report.model;
  }

  /** What a submission without a version goes to: the highest version that can be served. */
  get defaultVersion(): CatalogVersion | undefined {
    return this.versions.findLast(({ report }) => report.state !== 'failed');
  }

  /** @throws ProblemError `version-not-found` or `model-unavailable`. */
  resolve(version: string | undefined): CatalogVersion {
    const found =
      version === undefined
        ? (this.defaultVersion ?? this.versions.at(-1))
        : this.versions.find((v) => v.report.version === version);
    if (found && found.report.state !== 'failed') return found;
    if (!found && version !== undefined && this.report.reason === undefined) {
      throw new ProblemError(
        'version-not-found',
        `GET /v1/models/${this.name} lists its versions.`,
      );
    }
    const reason = found?.report.reason ?? this.report.reason ?? 'it has no version';
    throw new ProblemError('model-unavailable', `${this.name} cannot be served: ${reason}`, {
      retryAfterS: 30,
    });
  }
}
