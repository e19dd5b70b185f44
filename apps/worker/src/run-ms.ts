import type { JobTiming } from '#libs/contracts';

/** Time that a job computed. */
export function runMs({ preprocess_ms, inference_ms, postprocess_ms }: JobTiming): number {
  return preprocess_ms + inference_ms + postprocess_ms;
}
