import type { ModelStep, Priority } from '#libs/contracts';
import type { Rollouts } from '#libs/jobs';
import type { HostedModel } from '../hosted.model.js';
import type { ServedVersion } from '../served.version.js';

/** What runs a step. */
export interface StepModel {
  server: ServedVersion;
  /** See `HostedModel`. */
  turnFor: (priority: Priority) => number;
}

/** Finds what runs the steps of pipelines: the models that this worker serves anyway. */
export class StepModels {
  constructor(
    private readonly models: ReadonlyMap<string, HostedModel>,
    private readonly rollouts: Rollouts,
  ) {}

  /** @returns why there is none, where there is none. */
  find({ model, version }: ModelStep): StepModel | string {
    const hosted = this.models.get(model);
    if (!hosted || hosted.isGone) return `there is no model ${model}`;
    const meant = version ?? this.rollouts.get(model)?.rollout?.stable ?? hosted.mainVersion;
    if (meant === undefined) return `${model} has no version: ${hosted.reason ?? ''}`;
    const stored = hosted.storedVersion(meant);
    const server = hosted.server(meant);
    if (!stored || !server) return `there is no version ${meant} of ${model}`;
    // So that there can be no circle either, and what a job costs can be read off its manifest.
    if (stored.description.pipeline) return `${model} is a pipeline, and a step must be a model`;
    return { server, turnFor: (priority) => hosted.turnFor(priority) };
  }
}
