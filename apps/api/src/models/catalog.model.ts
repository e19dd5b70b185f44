import { isDeepStrictEqual } from 'node:util';
import { type ModelReport, ProblemError, type VersionReport } from '#libs/contracts';
import { partitionOfModel } from '#libs/jobs';
import { rowsPerRunOf } from '#libs/kinds';
import { InputValidator, largestBodyBytes } from '#libs/models';

/** A version that can be asked for. */
export class CatalogVersion {
  /** Rows that a runner takes at once; 1 while that is not known. */
  readonly rowsPerRun: number;
  /** Undefined: its signature sets no limit. */
  readonly largestBodyBytes: number | undefined;

  private constructor(
    readonly report: VersionReport,
    private compiled: InputValidator | undefined,
  ) {
    this.rowsPerRun = rowsPerRunOf(report);
    this.largestBodyBytes = largestBodyBytes(report);
  }

  /** A validator that still fits is kept: reports change with every load, and compiling holds up all. */
  static from(report: VersionReport, before: CatalogVersion | undefined): CatalogVersion {
    const fits = before && isDeepStrictEqual(validated(before.report), validated(report));
    return new CatalogVersion(report, fits ? before.compiled : undefined);
  }

  /** Compiled at first use. @throws ProblemError `not-ready` while a raw graph was never opened. */
  validator(): InputValidator {
    this.compiled ??= new InputValidator(this.report);
    return this.compiled;
  }
}

/** All of a version that its validator looks at. */
function validated(report: VersionReport) {
  const { model, input, output, processor, hooks, pipeline, batching, tensors } = report;
  return { model, input, output, processor, hooks, pipeline, batching, tensors };
}

/** A model with its versions, lowest first. */
export class CatalogModel {
  private constructor(
    readonly report: ModelReport,
    /** Of the ids of its jobs. */
    readonly partition: number,
    readonly versions: readonly CatalogVersion[],
  ) {}

  static from(report: ModelReport, before: CatalogModel | undefined): CatalogModel {
    const partition = partitionOfModel(report.model);
    const versions = report.versions.map((version) => {
      const known = before?.versions.find((v) => v.report.version === version.version);
      return CatalogVersion.from(version, known);
    });
    return new CatalogModel(report, partition, versions);
  }

  get name(): string {
    return this.report.model;
  }

  /**
   * Where what names no version goes while no rollout is set: to the one that the manifest says; else to the
   * highest that has been opened and has not failed. One that was never opened may be broken, and comes in
   * only where there is no other.
   */
  get defaultVersion(): CatalogVersion | undefined {
    const declared = this.report.default_version;
    if (declared !== undefined) return this.usable(declared);
    const usable = this.versions.filter(isUsable);
    return usable.findLast(({ report }) => wasOpened(report)) ?? usable.at(-1);
  }

  /** @throws ProblemError `version-not-found`, or `model-unavailable` where none can be known. */
  find(version: string): CatalogVersion {
    const found = this.versions.find((v) => v.report.version === version);
    if (found) return found;
    if (this.report.reason !== undefined) throw this.unavailable(this.report.reason);
    throw new ProblemError('version-not-found', `GET /v1/models/${this.name} lists its versions.`);
  }

  /** Undefined for a version that is not there, or has failed. */
  usable(version: string): CatalogVersion | undefined {
    return this.versions.find((v) => v.report.version === version && isUsable(v));
  }

  /** @throws ProblemError `version-not-found`, or `model-unavailable` for one that has failed. */
  resolve(version: string): CatalogVersion {
    const found = this.find(version);
    if (isUsable(found)) return found;
    throw this.unavailable(found.report.reason ?? 'it has failed');
  }

  /** @throws ProblemError `model-unavailable` where there is none. @see defaultVersion */
  resolveDefault(): CatalogVersion {
    const found = this.defaultVersion;
    if (found) return found;
    const declared = this.report.default_version;
    if (declared !== undefined) return this.resolveNamed(declared, 'default');
    const reason = this.versions.at(-1)?.report.reason ?? this.report.reason;
    throw this.unavailable(reason ?? 'it has no version');
  }

  /**
   * A version that the caller has not named, but the operator.
   * @param role `stable`, say. @throws ProblemError `model-unavailable` where it is not there, or has failed:
   *   another one in its place would be a surprise.
   */
  resolveNamed(version: string, role: string): CatalogVersion {
    const found = this.versions.find((v) => v.report.version === version);
    if (found && isUsable(found)) return found;
    const why = found ? `has failed: ${found.report.reason ?? ''}` : 'is not there';
    throw this.unavailable(this.report.reason ?? `its ${role} version ${version} ${why}`);
  }

  private unavailable(reason: string): ProblemError {
    return new ProblemError('model-unavailable', `${this.name} cannot be served: ${reason}`, {
      retryAfterS: 30,
    });
  }
}

function isUsable({ report }: CatalogVersion): boolean {
  return report.state !== 'failed';
}

/** Also of one that is loading again after a crash, or unloaded: its graph is known. */
function wasOpened({ state, tensors }: VersionReport): boolean {
  return state === 'ready' || tensors !== undefined;
}
