import type { RolloutChange, RolloutReport } from '#libs/contracts';
import type { CatalogModel } from './catalog.model.js';

export type RolloutSummary = NonNullable<ReturnType<typeof rolloutSummary>>;
export type RolloutView = ReturnType<typeof rolloutView>;

/** A rollout on its model's page; null where none is set. */
export function rolloutSummary(change: RolloutChange | undefined) {
  if (!change?.rollout) return null;
  const { stable, canary = null, shadow = null, guard = null } = change.rollout;
  return { revision: change.revision, stable, canary, shadow, guard };
}

/**
 * A model's rollout; where none is set, what holds by itself.
 * @param change the latest one. @param history the latest changes, newest first.
 * @param report what was seen since the latest one; null where none is set.
 */
export function rolloutView(
  model: CatalogModel,
  change: RolloutChange | undefined,
  history: RolloutChange[],
  report: RolloutReport | null,
) {
  const byItself = model.defaultVersion?.report.version ?? null;
  const { stable, canary, shadow, guard } = rolloutSummary(change) ?? {
    stable: byItself,
    canary: null,
    shadow: null,
    guard: null,
  };
  return {
    object: 'rollout' as const,
    model: model.name,
    revision: change?.revision ?? 0,
    is_set: change?.rollout != null,
    stable,
    canary,
    shadow,
    guard,
    report,
    history: history.map(({ reason = null, ...of }) => ({ ...of, reason })),
  };
}
