import type { JobMessage } from './bundle.js';
import { type JobSpec, startBy } from './record.js';

/** Inputs up to this many bytes travel in the message as well. */
const MAX_CARRIED_BYTES = 512;

/** What travels of a job, in its first attempt. @param job without its input where that stays in the record, or apart. */
export function messageOf(
  { spec, input }: { spec: JobSpec; input?: string },
  turn: number,
): JobMessage {
  const { bytes, inputApart, shape, priority, executionTimeoutS, cache, remote } = spec;
  return {
    id: spec.id,
    version: spec.version,
    count: spec.count,
    bytes,
    inputApart,
    createdAt: spec.createdAt,
    turn,
    resultTtlS: spec.resultTtlS,
    requestId: spec.requestId,
    traceparent: spec.traceparent,
    input: bytes <= MAX_CARRIED_BYTES ? input : undefined,
    shape,
    priority,
    tellsText: spec.tellsText,
    startBy: startBy(spec, spec.createdAt),
    cache,
    remote,
    executionTimeoutMs: executionTimeoutS === undefined ? undefined : executionTimeoutS * 1000,
  };
}
