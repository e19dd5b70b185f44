export type { Batch, Slice } from './batching/batch.js';
export type { Piece, RanReply, SliceOutcome } from './runner/protocol.js';
export { threadsFor } from './runner/threads.js';
export {
  type BatchHandler,
  type ServedJob,
  type VersionEvent,
  VersionServer,
  type VersionServerOptions,
} from './version-server.js';
