import { isDeepStrictEqual } from 'node:util';
import { type ModelReport, ProblemError, type VersionReport } from '#libs/contracts';
import { partitionOfModel } from '#libs/jobs';
import { InputValidator, largestBodyBytes, rowsPerRunOf } from '#libs/models';

/** A version that can be asked for. */
export class CatalogVersion {
  /** Rows that a runner takes at once; 1 while that is not known. */
  readonly rowsPerRun: number;
  /** Undefined: its signature sets no limit. */
  readonly largestBodyBytes: number | undefined;

  private constructor(
    readonly report: VersionReport,
    readonly partition: number,
    private compiled: InputValidator | undefined,
  ) {
    this.rowsPerRun = rowsPerRunOf(report);
    this.largestBodyBytes = largestBodyBytes(report);
  }

  /** A validator that still fits is kept: reports change with every load, and compiling holds up all. */
  static from(
    report: VersionReport,
    partition: number,
    before: CatalogVersion | undefined,
  ): CatalogVersion {
    const fits = before && isDeepStrictEqual(validated(before.report), validated(report));
    return new CatalogVersion(report, partition, fits ? before.compiled : undefined);
  }

  /** Compiled at first use. @throws ProblemError `not-ready` while a raw graph was never opened. */
  validator(): InputValidator {
    this.compiled ??= new InputValidator(this.report);
    return this.compiled;
  }
}

/** All of a version that its validator looks at. */
function validated({ model, input, output, batching, tensors }: VersionReport) {
  return { model, input, output, batching, tensors };
}

/** A model with its versions, lowest first. */
export class CatalogModel {
  private constructor(
    readonly report: ModelReport,
    readonly versions: readonly CatalogVersion[],
  ) {}

  static from(report: ModelReport, before: CatalogModel | undefined): CatalogModel {
    const partition = partitionOfModel(report.model);
    const versions = report.versions.map((version) => {
      const known = before?.versions.find((v) => v.report.version === version.version);
      return CatalogVersion.from(version, partition, known);
    });
    return new CatalogModel(report, versions);
  }

  get name(): string {
    return this.report.model;
  }

  /**
   * What a submission without a version goes to: the highest version that has been opened and has not
   * failed. One that was never opened may be broken, and comes in only where there is no other.
   */
  get defaultVersion(): CatalogVersion | undefined {
    const usable = this.versions.filter(({ report }) => report.state !== 'failed');
    return usable.findLast(({ report }) => wasOpened(report)) ?? usable.at(-1);
  }

  /** @throws ProblemError `version-not-found`, or `model-unavailable` where none can be known. */
  find(version: string): CatalogVersion {
    const found = this.versions.find((v) => v.report.version === version);
    if (found) return found;
    if (this.report.reason !== undefined) throw this.unavailable(this.report.reason);
    throw new ProblemError('version-not-found', `GET /v1/models/${this.name} lists its versions.`);
  }

  /** @throws ProblemError `version-not-found` or `model-unavailable`. */
  resolve(version: string | undefined): CatalogVersion {
    const found =
      version === undefined ? (this.defaultVersion ?? this.versions.at(-1)) : this.find(version);
    if (found && found.report.state !== 'failed') return found;
    throw this.unavailable(found?.report.reason ?? this.report.reason ?? 'it has no version');
  }

  private unavailable(reason: string): ProblemError {
    return new ProblemError('model-unavailable', `${this.name} cannot be served: ${reason}`, {
      retryAfterS: 30,
    });
  }
}

/** Also of one that is loading again after a crash, or unloaded: its graph is known. */
function wasOpened({ state, tensors }: VersionReport): boolean {
  return state === 'ready' || tensors !== undefined;
}
