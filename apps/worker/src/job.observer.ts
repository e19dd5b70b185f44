import { Injectable } from '@nestjs/common';
import type { Counts, ProblemCode } from '#libs/contracts';
import { Observations, Rollouts } from '#libs/jobs';
import { logBin } from '#libs/statistics';
import type { End } from './job.exits.js';
import { runMs } from './run-ms.js';
import { ShadowTraffic } from './shadow.traffic.js';

/** Ends that say nothing of the version: the input could not be had or read, or was lost. */
const NO_FAULT_OF_THE_VERSION = new Set<ProblemCode>([
  'invalid-input',
  'input-fetch-failed',
  'input-lost',
  'payload-too-large',
  'unsupported-media-type',
]);

/** Counts how the versions of a rollout do by the jobs that end, and lets its shadow see those. */
@Injectable()
export class JobObserver {
  constructor(
    private readonly rollouts: Rollouts,
    private readonly observations: Observations,
    private readonly shadows: ShadowTraffic,
  ) {}

  /** Ends that were published. All must be of one model. */
  published(ends: readonly End[]): void {
    const model = ends[0]?.job.model ?? '';
    if (!this.rollouts.get(model)?.rollout) return;
    const versions = new Map<string, Counts>();
    for (const { job, result } of ends) {
      if (result.error && NO_FAULT_OF_THE_VERSION.has(result.error.code)) continue;
      const { version } = job.message;
      let counts = versions.get(version);
      if (!counts) versions.set(version, (counts = {}));
      increment(counts, `jobs/${result.status}`);
      // Of one that was stopped, or never ran, it would be none at all.
      if (result.error) continue;
      increment(counts, `run-ms/${String(logBin(runMs(result.timing)))}`);
    }
    for (const [version, counts] of versions) this.observations.add(model, version, counts);
    this.shadows.offer(model, ends);
  }
}

function increment(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
