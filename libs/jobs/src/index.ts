export type { Publication, Started } from './attempt.store.js';
export type { Bundle, JobMessage } from './bundle.js';
export { Callbacks } from './callbacks.js';
export {
  DELIVERY_HANDLER,
  DeliveryConsumer,
  type DeliveryHandler,
  DeliveryRefused,
} from './delivery.consumer.js';
export { type Delivery, DeliveryQueue } from './delivery.queue.js';
export { type FleetCommand, FleetStore } from './fleet.store.js';
export { IdempotencyStore, type KeyedRequest } from './idempotency.store.js';
export { inputText } from './input-text.js';
export { createdAtOf, isJobId, newJobId, partitionOfModel } from './job-id.js';
export { JobIndex, type OverJob } from './job.index.js';
export { JobNews } from './job.news.js';
export { JobStore } from './job.store.js';
export { JobsModule } from './jobs.module.js';
export { Payloads } from './payloads/payloads.js';
export { HandBack, type PredictConsumer, type TakenJob } from './predict.consumer.js';
export { PredictConsumers } from './predict.consumers.js';
export { PredictQueues } from './predict.queues.js';
export {
  isOver,
  type JobRecord,
  type JobResult,
  type JobSpec,
  queuedRecord,
  startBy,
  toJobView,
} from './record.js';
export { recordAtEnd } from './record-at-end.js';
export { RedisIndicator } from './redis.indicator.js';
export { SecretStore } from './secret.store.js';
export { type Submission, Submitter } from './submitter.js';
