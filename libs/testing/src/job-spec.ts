import type { JobTiming } from '#libs/contracts';
import type { JobSpec } from '#libs/jobs';

/** What a submission of one small instance to iris fixes. */
export function jobSpecOf(id: string, about: Partial<JobSpec> = {}): JobSpec {
  return {
    id,
    model: 'iris',
    version: '1',
    count: 1,
    bytes: 2,
    many: false,
    owner: '',
    createdAt: 1,
    resultTtlS: 60,
    requestId: 'r',
    metadata: {},
    warnings: [],
    ...about,
  };
}

/** Of a job that took none. */
export const NO_TIME: JobTiming = {
  queue_ms: 0,
  batch_wait_ms: 0,
  load_ms: 0,
  preprocess_ms: 0,
  inference_ms: 0,
  postprocess_ms: 0,
  total_ms: 0,
};
