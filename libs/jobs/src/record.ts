import { isTerminal, type JobProblem, type JobStatus, type JobTiming } from '#libs/contracts';
import type { InputWarning, JobView, Priority, WebhookEvent } from '#libs/contracts';

/** What a submission fixes for good. Stored as one JSON field of the record. */
export interface JobSpec {
  id: string;
  model: string;
  version: string;
  /** Number of instances. */
  count: number;
  /** Submitted with `inputs`, so that the answer has `outputs`. */
  many: boolean;
  /** Name of the API key that owns the job; '' where the server runs without keys. */
  owner: string;
  createdAt: number;
  resultTtlS: number;
  /** Absent: normal. */
  priority?: Priority | undefined;
  /** Expires unless it has started by so long after its submission; absent: it waits. */
  queueTimeoutS?: number | undefined;
  /** Absent: as long as a run may take at all. */
  executionTimeoutS?: number | undefined;
  requestId: string;
  traceparent?: string | undefined;
  metadata: Record<string, string>;
  warnings: InputWarning[];
  webhook?: { url: string; events: WebhookEvent[] } | undefined;
}

/** What an end writes. `outputs` is JSON text made by the runner, passed on without parsing it. */
export interface JobResult {
  status: 'succeeded' | 'failed' | 'expired';
  /** JSON text of an array, one entry an instance; absent where the whole job failed. */
  outputs?: string | undefined;
  error?: JobProblem | undefined;
  done: number;
  timing: JobTiming;
  batchSize: number;
}

/** The hash as Redis holds it. */
export interface StoredRecord {
  status: JobStatus;
  spec: string;
  started_at?: string;
  ended_at?: string;
  attempts?: string;
  outputs?: string;
  /** JSON: error, done, timing, batch size. */
  end?: string;
}

type End = Omit<JobResult, 'status' | 'outputs'>;

export interface JobRecord {
  spec: JobSpec;
  status: JobStatus;
  startedAt: number | null;
  endedAt: number | null;
  attempts: number;
  outputs: unknown[] | null;
  end: End | null;
}

export function encodeEnd(result: JobResult): string {
  const { error, done, timing, batchSize } = result;
  return JSON.stringify({ error, done, timing, batchSize } satisfies End);
}

/** @returns null where there is no such record (an empty hash). */
export function decodeRecord(stored: Partial<StoredRecord>): JobRecord | null {
  if (stored.spec === undefined || stored.status === undefined) return null;
  return {
    spec: JSON.parse(stored.spec) as JobSpec,
    status: stored.status,
    startedAt: stored.started_at === undefined ? null : Number(stored.started_at),
    endedAt: stored.ended_at === undefined ? null : Number(stored.ended_at),
    attempts: Number(stored.attempts ?? 0),
    outputs: stored.outputs === undefined ? null : (JSON.parse(stored.outputs) as unknown[]),
    end: stored.end === undefined ? null : (JSON.parse(stored.end) as End),
  };
}

/** When the result of an ended job is over, ms since the epoch. */
export function expiryOf({ spec, endedAt }: { spec: JobSpec; endedAt: number }): number {
  return endedAt + spec.resultTtlS * 1000;
}

/** True once a result has been kept as long as it was asked for. */
export function isOver({ spec, endedAt }: JobRecord): boolean {
  return endedAt !== null && Date.now() > expiryOf({ spec, endedAt });
}

/** The record of a job that was accepted this instant. */
export function queuedRecord(spec: JobSpec): JobRecord {
  return {
    spec,
    status: 'queued',
    startedAt: null,
    endedAt: null,
    attempts: 0,
    outputs: null,
    end: null,
  };
}

/** The job as clients see it. @param baseUrl scheme, host and port that the client can reach. */
export function toJobView(record: JobRecord, baseUrl: string): JobView {
  const { spec, status, endedAt, end } = record;
  return {
    id: spec.id,
    object: 'job',
    status,
    model: spec.model,
    version: spec.version,
    ...(spec.many ? { outputs: record.outputs } : { output: record.outputs?.[0] ?? null }),
    error: end?.error ?? null,
    progress: { done: end?.done ?? 0, total: spec.count },
    attempts: record.attempts,
    created_at: iso(spec.createdAt),
    started_at: record.startedAt === null ? null : iso(record.startedAt),
    ended_at: endedAt === null ? null : iso(endedAt),
    expires_at: endedAt === null || !isTerminal(status) ? null : iso(expiryOf({ spec, endedAt })),
    timing: end?.timing ?? null,
    batch_size: end?.batchSize ?? null,
    warnings: spec.warnings,
    metadata: spec.metadata,
    request_id: spec.requestId,
    status_url: `${baseUrl}/v1/jobs/${spec.id}`,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
