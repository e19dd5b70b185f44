import { clock } from '#libs/clock';
import { isTerminal, type JobProblem, type JobStatus, type JobTiming } from '#libs/contracts';
import type {
  InputWarning,
  JobView,
  PastAttempt,
  Priority,
  QueuePlace,
  VersionReason,
  WebhookTarget,
} from '#libs/contracts';
import type { CacheUse } from './cache-use.js';
import type { PayloadName } from './payloads/payload.store.js';

/** What a submission fixes for good. Stored as one JSON field of the record. */
export interface JobSpec {
  id: string;
  model: string;
  version: string;
  /** Absent: `default`. */
  versionReason?: VersionReason | undefined;
  /** Number of instances. */
  count: number;
  /** Size of the input. */
  bytes: number;
  /** The input is stored apart from the record. */
  inputApart?: boolean | undefined;
  /** Submitted with `inputs`, so that the answer has `outputs`. */
  many: boolean;
  /** Its output is a text, and is told as it is generated. */
  tellsText?: true | undefined;
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
  /** W3C trace context of the submission: the api's span of it, or what the caller sent. */
  traceparent?: string | undefined;
  metadata: Record<string, string>;
  warnings: InputWarning[];
  /** `shapeSignature` of the instances: one for all, or one each; absent where the graph's shapes are fixed. */
  shape?: string | string[] | undefined;
  /** Some of the instances name their files by URL. */
  remote?: true | undefined;
  webhook?: WebhookTarget | undefined;
  /** Absent: its result is that of no other job, and no other's is its own. */
  cache?: CacheUse | undefined;
}

/** What an end writes. `outputs` is JSON text made by the runner, passed on without parsing it. */
export interface JobResult {
  status: 'succeeded' | 'failed';
  /** JSON text of an array, one entry an instance; absent where the whole job failed. */
  outputs?: string | undefined;
  error?: JobProblem | undefined;
  done: number;
  timing: JobTiming;
  /** Absent where it was computed in no batch. */
  batchSize?: number | undefined;
  /** It is the result of an identical job. */
  cached?: true | undefined;
}

/** The hash as Redis holds it. */
export interface StoredRecord {
  status: JobStatus;
  spec: string;
  started_at?: string;
  ended_at?: string;
  /** Attempts that have ended and were followed by another. */
  tries?: string;
  /** JSON of those, with a comma between two. */
  history?: string;
  /** Instances done so far of a job that runs. */
  done?: string;
  /** Of a job that runs and tells its text: tokens so far, and bytes of UTF-8. */
  told?: string;
  /** '' where they are stored apart. */
  outputs?: string;
  /** Under which name outputs were last stored apart. */
  stored?: PayloadName;
  /** JSON: error, done, timing, batch size, cached. */
  end?: string;
}

/** The parts that a canceled or expired job has not are absent. */
interface End {
  error?: JobProblem | undefined;
  done?: number | undefined;
  timing?: JobTiming | undefined;
  batchSize?: number | undefined;
  cached?: true | undefined;
}

/** An attempt as the record keeps it; its number is its place, counted from 1. */
interface StoredAttempt {
  status: PastAttempt['status'];
  error: JobProblem | null;
  startedAt: number | null;
  endedAt: number;
  /** Of one that had ended the job, before it was retried. */
  end: End | null;
}

/** How far the text of a job has got. */
export interface ToldText {
  tokens: number;
  /** In UTF-8. */
  bytes: number;
}

export interface JobRecord {
  spec: JobSpec;
  status: JobStatus;
  startedAt: number | null;
  endedAt: number | null;
  attempts: number;
  history: StoredAttempt[];
  /** Instances done so far, while it runs. */
  done: number;
  /** How much of its text has been told, while it runs; null where nothing has. */
  told: ToldText | null;
  outputs: unknown[] | null;
  /** Where they are, as long as they are not in `outputs`. See Payloads. */
  outputsApart: PayloadName | null;
  end: End | null;
}

export function encodeEnd({ error, done, timing, batchSize, cached }: End): string {
  return JSON.stringify({ error, done, timing, batchSize, cached } satisfies End);
}

/** How a job ends that has the outputs of an identical one, JSON text of an array. */
export function cachedResult(
  outputs: string,
  { count, createdAt, takenAt }: { count: number; createdAt: number; takenAt: number },
): JobResult {
  const timing: JobTiming = {
    queue_ms: Math.max(0, takenAt - createdAt),
    batch_wait_ms: 0,
    load_ms: 0,
    preprocess_ms: 0,
    inference_ms: 0,
    postprocess_ms: 0,
    total_ms: Math.max(0, clock.now() - createdAt),
  };
  return { status: 'succeeded', outputs, done: count, timing, cached: true };
}

/** @returns null where there is no such record (an empty hash). */
export function decodeRecord(stored: Partial<StoredRecord>): JobRecord | null {
  if (stored.spec === undefined || stored.status === undefined) return null;
  return {
    spec: JSON.parse(stored.spec) as JobSpec,
    status: stored.status,
    startedAt: stored.started_at === undefined ? null : Number(stored.started_at),
    endedAt: stored.ended_at === undefined ? null : Number(stored.ended_at),
    attempts: Number(stored.tries ?? 0) + (stored.started_at === undefined ? 0 : 1),
    history: JSON.parse(`[${stored.history ?? ''}]`) as StoredAttempt[],
    done: Number(stored.done ?? 0),
    told: stored.told === undefined ? null : decodeTold(stored.told),
    outputs: stored.outputs ? (JSON.parse(stored.outputs) as unknown[]) : null,
    outputsApart: stored.outputs === '' ? (stored.stored ?? null) : null,
    end: stored.end === undefined ? null : (JSON.parse(stored.end) as End),
  };
}

function decodeTold(stored: string): ToldText {
  const [tokens = 0, bytes = 0] = stored.split(' ').map(Number);
  return { tokens, bytes };
}

/** What says how long the result of a job is kept: its spec, or its message. */
export interface KeptJob {
  id: string;
  resultTtlS: number;
}

/** Until when a job must have started, ms since the epoch. @param fromMs when it was queued. */
export function startBy({ queueTimeoutS }: JobSpec, fromMs: number): number | undefined {
  return queueTimeoutS === undefined ? undefined : fromMs + queueTimeoutS * 1000;
}

/** When the result of an ended job is over, ms since the epoch. */
export function expiryOf({ spec, endedAt }: { spec: JobSpec; endedAt: number }): number {
  return endedAt + spec.resultTtlS * 1000;
}

/** True once a result has been kept as long as it was asked for. */
export function isOver({ spec, endedAt }: JobRecord): boolean {
  return endedAt !== null && clock.now() > expiryOf({ spec, endedAt });
}

/** What is left of a job for a day after its result was kept as long as it was asked for. */
export interface Tombstone {
  owner: string;
  status: JobStatus;
  /** When its result was over, ms since the epoch. */
  goneAt: number;
}

/** The record of a job that was accepted this instant. */
export function queuedRecord(spec: JobSpec): JobRecord {
  return {
    spec,
    status: 'queued',
    startedAt: null,
    endedAt: null,
    attempts: 0,
    history: [],
    done: 0,
    told: null,
    outputs: null,
    outputsApart: null,
    end: null,
  };
}

/**
 * The job as clients see it.
 * @param baseUrl scheme, host and port that the client can reach. @param queue its place, while queued.
 */
export function toJobView(
  record: JobRecord,
  baseUrl: string,
  queue: QueuePlace | null = null,
): JobView {
  const { spec, status, endedAt, end } = record;
  const url = `${baseUrl}/v1/jobs/${spec.id}`;
  return {
    id: spec.id,
    object: 'job',
    status,
    model: spec.model,
    version: spec.version,
    version_reason: spec.versionReason ?? 'default',
    ...(spec.many ? { outputs: record.outputs } : { output: record.outputs?.[0] ?? null }),
    error: end?.error ?? null,
    progress: { done: end?.done ?? record.done, total: spec.count },
    queue,
    attempts: record.attempts,
    attempt_history: record.history.map(pastAttempt),
    created_at: iso(spec.createdAt),
    started_at: record.startedAt === null ? null : iso(record.startedAt),
    ended_at: endedAt === null ? null : iso(endedAt),
    expires_at: endedAt === null || !isTerminal(status) ? null : iso(expiryOf({ spec, endedAt })),
    timing: end?.timing ?? null,
    batch_size: end?.batchSize ?? null,
    cached: end?.cached ?? false,
    warnings: spec.warnings,
    metadata: spec.metadata,
    request_id: spec.requestId,
    status_url: url,
    events_url: `${url}/events`,
    cancel_url: `${url}/cancel`,
  };
}

function pastAttempt(
  { status, error, startedAt, endedAt }: StoredAttempt,
  index: number,
): PastAttempt {
  return {
    attempt: index + 1,
    status,
    error,
    started_at: startedAt === null ? null : iso(startedAt),
    ended_at: iso(endedAt),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
