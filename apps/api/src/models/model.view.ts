import type { PipelineStep, RolloutChange, VersionReport } from '#libs/contracts';
import { outputSchema, publishedInputSchema } from '#libs/models';
import type { CatalogModel, CatalogVersion } from './catalog.model.js';
import { rolloutSummary } from './rollout.view.js';
import type { BodyLimits } from '../predict/body.limits.js';

export type ModelSummary = ReturnType<typeof modelSummary>;
export type ModelDetail = ReturnType<typeof modelDetail>;
export type VersionDetail = ReturnType<typeof versionDetail>;

/** A model in a list. */
export function modelSummary(model: CatalogModel) {
  return {
    name: model.name,
    object: 'model' as const,
    description: model.report.description ?? null,
    default_version: model.defaultVersion?.report.version ?? null,
    reason: model.report.reason ?? null,
    versions: model.versions.map(({ report }) => ({
      version: report.version,
      state: report.state,
      reason: report.reason ?? null,
    })),
  };
}

/** A model's own page. */
export function modelDetail(
  model: CatalogModel,
  limits: BodyLimits,
  rollout: RolloutChange | undefined,
) {
  return {
    ...modelSummary(model),
    rollout: rolloutSummary(rollout),
    versions: model.versions.map((version) => versionDetail(version, limits)),
  };
}

/** A step as it is shown. */
type StepView =
  { model: string; version: string | null } | { average: string[]; weights: number[] | null };

/** The steps of a pipeline by name, with the version that each runs now; null for a model with a graph. */
function pipelineSteps({ pipeline }: VersionReport): Record<string, StepView> | null {
  if (!pipeline) return null;
  const versions = pipeline.signature?.versions ?? {};
  const view = ([name, step]: [string, PipelineStep]): [string, StepView] => {
    if ('average' in step) return [name, { average: step.average, weights: step.weights ?? null }];
    return [name, { model: step.model, version: versions[name] ?? step.version ?? null }];
  };
  return Object.fromEntries(Object.entries(pipeline.steps).map(view));
}

/** A version on its model's page. */
export function versionDetail(version: CatalogVersion, limits: BodyLimits) {
  const { report } = version;
  return {
    version: report.version,
    description: report.description ?? null,
    state: report.state,
    reason: report.reason ?? null,
    update: report.update ? { reason: null, ...report.update } : null,
    sha256: report.sha256 ?? null,
    load_ms: report.load_ms ?? null,
    execution_provider: report.execution_provider ?? null,
    instances: report.instances,
    warm_instances: report.warm_instances,
    memory_bytes: report.memory_bytes,
    threads: report.threads ?? null,
    lifecycle: report.lifecycle,
    defaults: report.defaults,
    cache:
      report.cache_ttl_s === undefined
        ? null
        : { ttl_s: report.cache_ttl_s, shared: report.cache_shared ?? false },
    input_schema: publishedInputSchema(report),
    output_schema: outputSchema(report),
    tensors: report.tensors ?? null,
    pipeline: pipelineSteps(report),
    body_limit_bytes: limits.of(version),
    batching: report.batching,
    held_out: report.held_out ?? null,
    card: report.card,
  };
}
