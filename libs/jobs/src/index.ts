export { AlarmClock } from './alarm-clock.js';
export { ApiKeyStore, digestOf, placeOf, type StoredKey } from './api-key.store.js';
export type { Publication, Started } from './attempt.store.js';
export { BOARD_SESSION_S, BoardSessions } from './board.sessions.js';
export type { Bundle, JobMessage } from './bundle.js';
export { cacheKeyOf, type CacheUse, isOfContent } from './cache-use.js';
export {
  type Delivery,
  type DeliveryEvent,
  deliveryId,
  type DeliveryState,
  parseDeliveryId,
} from './deliveries/delivery.js';
export { DeliveryLog } from './deliveries/delivery.log.js';
export {
  DeliverySchedule,
  type Settlement,
  type TakenDelivery,
} from './deliveries/delivery.schedule.js';
export { type DriftState, DriftStore } from './drift.store.js';
export { Observations } from './observations.js';
export { Outbox } from './deliveries/outbox.js';
export { recordAtEvent } from './deliveries/record-at-event.js';
export { type Receiver, Receivers } from './deliveries/receivers.js';
export { EndedJobs } from './ended.jobs.js';
export { type FleetCommand, FleetStore } from './fleet.store.js';
export { IdempotencyStore, type KeyedRequest } from './idempotency.store.js';
export { createdAtOf, isJobId, newJobId, partitionOfModel } from './job-id.js';
export { JobIndex, type OverJob } from './job.index.js';
export { JobNews } from './job.news.js';
export { JobStore } from './job.store.js';
export { JobsModule } from './jobs.module.js';
export { openApiKeyStore } from './open-api-key-store.js';
export { Payloads } from './payloads/payloads.js';
export { HandBack, type PredictConsumer, type TakenJob } from './predict.consumer.js';
export { PredictConsumers } from './predict.consumers.js';
export { PredictQueues } from './predict.queues.js';
export { QueuedJobs } from './queued.jobs.js';
export { type Grant, RateLimiter } from './rate.limiter.js';
export {
  cachedResult,
  isOver,
  type JobRecord,
  type JobResult,
  type JobSpec,
  queuedRecord,
  startBy,
  toJobView,
  type ToldText,
} from './record.js';
export { CLAIM_RENEWAL_MS, type KeptResult, ResultCache } from './result.cache.js';
export { RedisHealth, type RedisMemory } from './redis.health.js';
export { RedisMetrics } from './redis.metrics.js';
export { RedisIndicator } from './redis.indicator.js';
export { Rollouts } from './rollouts.js';
export { StrayJobs } from './stray.jobs.js';
export { type Quota, type Submission, Submitter } from './submitter.js';
export { LEAD as TURN_LEAD } from './turns.js';
export { WebhookDefaults } from './webhook.defaults.js';
export { WebhookSecrets } from './webhook.secrets.js';
export { type DataLoss, Witness } from './witness.js';
