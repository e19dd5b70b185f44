import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  ProblemError,
  type Rollout,
  VERSION_ALIASES,
  type VersionAlias,
  type VersionReason,
} from '#libs/contracts';
import { Rollouts } from '#libs/jobs';
import { roleFor, type Subject } from '#libs/models';
import type { CatalogModel, CatalogVersion } from './catalog.model.js';
import { ModelCatalog } from './model.catalog.js';

/** Where a submission goes, and why. */
export interface Route {
  served: CatalogVersion;
  reason: VersionReason;
}

/** Which of a model's versions is meant: by what a caller names, its rollout and its default. Asks nobody. */
@Injectable()
export class VersionRouter implements OnModuleInit {
  constructor(
    private readonly catalog: ModelCatalog,
    private readonly rollouts: Rollouts,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.rollouts.open();
  }

  /**
   * Where a submission goes.
   * @param asked the version, or alias, that it names.
   * @throws ProblemError `version-not-found`, `model-unavailable`.
   */
  route(model: CatalogModel, asked: string | undefined, subject: Subject): Route {
    const { name } = model;
    if (asked !== undefined && !isAlias(asked)) {
      return { served: model.resolve(asked), reason: 'pinned' };
    }
    const rollout = this.rolloutOf(name);
    if (!rollout) return { served: withoutRollout(model, asked), reason: 'default' };
    const role =
      asked ?? roleFor(subject, name, rollout, (version) => model.usable(version) !== undefined);
    return { served: model.resolveNamed(versionIn(rollout, role, name), role), reason: role };
  }

  /** Where most of what names no version goes; undefined while that cannot be served. */
  mainVersion(model: CatalogModel): CatalogVersion | undefined {
    const rollout = this.rolloutOf(model.name);
    return rollout ? model.usable(rollout.stable) : model.defaultVersion;
  }

  /** Every version that a submission may go to. @throws ProblemError as `find` does. */
  candidates(name: string, asked: string | undefined): CatalogVersion[] {
    const model = this.catalog.get(name);
    const rollout = this.rolloutOf(name);
    if (asked !== undefined || !rollout) return [this.find(name, asked ?? 'stable')];
    const named = [rollout.stable, rollout.canary?.version].filter(
      (version) => version !== undefined,
    );
    return named.flatMap((version) => model.usable(version) ?? []);
  }

  /**
   * The version that a caller names, whatever its state.
   * @throws ProblemError `model-not-found`, `version-not-found`, `model-unavailable`, `not-ready`.
   */
  find(name: string, asked: string): CatalogVersion {
    const model = this.catalog.get(name);
    if (!isAlias(asked)) return model.find(asked);
    const rollout = this.rolloutOf(name);
    return rollout ? model.find(versionIn(rollout, asked, name)) : withoutRollout(model, asked);
  }

  private rolloutOf(name: string): Rollout | undefined {
    return this.rollouts.get(name)?.rollout ?? undefined;
  }
}

function isAlias(asked: string): asked is VersionAlias {
  return VERSION_ALIASES.some((alias) => alias === asked);
}

function withoutRollout(model: CatalogModel, asked: VersionAlias | undefined): CatalogVersion {
  if (asked === 'canary') throw noCanary(model.name);
  return model.resolveDefault();
}

function versionIn({ stable, canary }: Rollout, role: VersionAlias, model: string): string {
  const version = role === 'stable' ? stable : canary?.version;
  if (version === undefined) throw noCanary(model);
  return version;
}

function noCanary(model: string): ProblemError {
  const detail = `${model} has no canary now: GET /v1/models/${model}/rollout. Name a version, or stable.`;
  return new ProblemError('version-not-found', detail);
}
