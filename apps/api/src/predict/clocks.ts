import type { Config } from '#libs/config';
import { type JobDefaults, type PointedError, ProblemError } from '#libs/contracts';

/** How long a job may wait, run and be kept. */
export interface Clocks {
  /** Undefined: as long as it takes. */
  queueTimeoutS: number | undefined;
  /** Undefined: as long as a run may take at all. */
  executionTimeoutS: number | undefined;
  resultTtlS: number;
}

/**
 * What a caller asks for, else what the model's manifest says, else the installation's own. The operator's
 * maxima hold for all: a caller is told of them, a manifest is cut to them.
 * @throws ProblemError `invalid-request` for more than the operator allows.
 */
export function clocksOf(asked: JobDefaults, defaults: JobDefaults, config: Config): Clocks {
  const { MAX_QUEUE_TIMEOUT_S, MAX_RESULT_TTL_S, RESULT_TTL_S } = config.jobs;
  const maxima = {
    queue_timeout_s: MAX_QUEUE_TIMEOUT_S,
    execution_timeout_s: config.models.RUN_TIMEOUT_S,
    result_ttl_s: MAX_RESULT_TTL_S,
  } as const satisfies Required<JobDefaults>;
  const errors: PointedError[] = [];

  const clock = (name: keyof JobDefaults, otherwise?: number): number | undefined => {
    const [most, wanted] = [maxima[name], asked[name]];
    if (wanted !== undefined && wanted > most) {
      errors.push({ pointer: `/${name}`, message: `must not be above ${String(most)}` });
    }
    const seconds = wanted ?? defaults[name] ?? otherwise;
    return seconds === undefined ? undefined : Math.min(seconds, most);
  };

  const clocks = {
    queueTimeoutS: clock('queue_timeout_s'),
    executionTimeoutS: clock('execution_timeout_s'),
    resultTtlS: clock('result_ttl_s', RESULT_TTL_S) ?? RESULT_TTL_S,
  };
  if (errors.length === 0) return clocks;
  throw new ProblemError('invalid-request', 'Ask for less time; see errors.', { errors });
}
