import type { StepTiming } from './pipeline.js';
import type { JobProblem } from './problem.js';
import type { VersionReason } from './rollout.js';

/** `queued` → `running` → one of the others, which never change again. */
export const JOB_STATUSES = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'canceled',
  'expired',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export function isTerminal(status: JobStatus): boolean {
  return status !== 'queued' && status !== 'running';
}

/** In order of urgency; a job that waits long enough overtakes newer ones of higher priority. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Most instances that one job may carry in `inputs`. */
export const MAX_INSTANCES = 1000;

/** A field outside the range its model declares: accepted, but the answer may be poor. */
export interface InputWarning {
  /** JSON Pointer into the body that was submitted. */
  pointer: string;
  message: string;
}

/** Where a job's time went, in milliseconds. */
export interface JobTiming {
  /** From acceptance until a worker took the job. */
  queue_ms: number;
  /** From there until its first batch went to the runner process. */
  batch_wait_ms: number;
  /** Part of `batch_wait_ms` in which its model was being loaded: 0 where it was warm. */
  load_ms: number;
  /** Part of `batch_wait_ms` in which files were fetched that its instances name by URL; absent where they name none. */
  fetch_ms?: number;
  preprocess_ms: number;
  inference_ms: number;
  postprocess_ms: number;
  /** From acceptance to publication. */
  total_ms: number;
  /** Of each step of a pipeline, by name; the stages above are then their sums. */
  steps?: Record<string, StepTiming> | undefined;
}

/** Where a queued job stands in its model's queue. */
export interface QueuePlace {
  /** 1 is the next one to be started. */
  position: number;
  /** Until it is started, by what the workers have lately got through; null while none is alive. */
  eta_ms: number | null;
}

/** An attempt that has ended and was followed by another. */
export interface PastAttempt {
  attempt: number;
  status: 'failed' | 'canceled' | 'expired';
  error: JobProblem | null;
  /** Null where it ended before it was started. */
  started_at: string | null;
  ended_at: string;
}

/** The job as clients see it, in answers and in webhooks alike. */
export interface JobView {
  id: string;
  object: 'job';
  status: JobStatus;
  model: string;
  version: string;
  version_reason: VersionReason;
  /** Present for a job that was submitted with `input`. */
  output?: unknown;
  /** Present for a job that was submitted with `inputs`; same order, same length. */
  outputs?: unknown[] | null;
  error: JobProblem | null;
  progress: { done: number; total: number };
  /** Null unless it is queued; in a list and in a webhook, always null. */
  queue: QueuePlace | null;
  /** How often it was tried; what infrastructure did to it does not count. */
  attempts: number;
  /** The earlier attempts, oldest first. */
  attempt_history: PastAttempt[];
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  expires_at: string | null;
  timing: JobTiming | null;
  /** Rows of the largest batch that this job was part of, other callers' included; null where it was in none. */
  batch_size: number | null;
  /** The result is that of an identical job: this one took no computing. */
  cached: boolean;
  warnings: InputWarning[];
  metadata: Record<string, string>;
  request_id: string;
  status_url: string;
  events_url: string;
  cancel_url: string;
}
