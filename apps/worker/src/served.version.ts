import type { VersionServer } from '#libs/inference';
import type { WorkerJob } from './worker-job.js';

/** What a worker serves of a model: a version with runners of its own, or a pipeline of others. */
export type ServedVersion = Pick<
  VersionServer<WorkerJob>,
  | 'content'
  | 'hasFailed'
  | 'isIdle'
  | 'isPinned'
  | 'lastUsedMs'
  | 'load'
  | 'memoryBytes'
  | 'report'
  | 'start'
  | 'stop'
  | 'submit'
  | 'unload'
  | 'update'
  | 'withdraw'
  | 'yieldTo'
>;
