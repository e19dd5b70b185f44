import { availableParallelism } from 'node:os';
import type { Config } from '#libs/config';
import type { VersionDescription } from '#libs/contracts';
import { threadsFor, type VersionServerOptions } from '#libs/inference';
import type { WorkerJob } from './worker-job.js';

const MEBIBYTE = 1024 * 1024;

type RunnerOptions = ReturnType<VersionServerOptions<WorkerJob>['runner']>;

/** How this worker starts the runners of a version. @param onLine is given what they write. */
export function runnerOptions(
  models: Config['models'],
  { instances, threads }: VersionDescription,
  onLine: (line: string) => void,
): RunnerOptions {
  return {
    executionProviders: models.EXECUTION_PROVIDERS,
    threads: threadsFor({
      cores: availableParallelism(),
      instances,
      configured: models.RUNNER_THREADS,
      declared: threads,
    }),
    loadTimeoutMs: models.MODEL_LOAD_TIMEOUT_S * 1000,
    memoryLimitBytes: models.RUNNER_MEMORY_MB * MEBIBYTE,
    onLine,
  };
}
