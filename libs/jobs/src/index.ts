export type { Bundle, JobMessage } from './bundle.js';
export {
  DELIVERY_HANDLER,
  DeliveryConsumer,
  type DeliveryHandler,
  DeliveryRefused,
} from './delivery.consumer.js';
export { type Delivery, DeliveryQueue } from './delivery.queue.js';
export { type FleetCommand, FleetStore } from './fleet.store.js';
export { inputText } from './input-text.js';
export { isJobId, newJobId, partitionOfModel } from './job-id.js';
export { JobStore } from './job.store.js';
export { JobsModule } from './jobs.module.js';
export { HandBack, type PredictConsumer, type TakenJob } from './predict.consumer.js';
export { PredictConsumers } from './predict.consumers.js';
export { PredictQueues } from './predict.queues.js';
export {
  isOver,
  type JobRecord,
  type JobResult,
  type JobSpec,
  queuedRecord,
  toJobView,
} from './record.js';
export { RedisIndicator } from './redis.indicator.js';
export { SecretStore } from './secret.store.js';
export { Submitter } from './submitter.js';
