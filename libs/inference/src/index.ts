export type { FiringReason } from './batching/batcher.js';
export type { JobOutcome } from './runner/protocol.js';
export type { BatchResult } from './runner/runner.js';
export {
  type RunBatch,
  type ServedJob,
  type VersionEvent,
  VersionServer,
} from './version-server.js';
