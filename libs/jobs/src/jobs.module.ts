import { type DynamicModule, Inject, Logger, Module, type OnModuleDestroy } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import type { Redis } from 'ioredis';
import { CONFIG, type Config } from '#libs/config';
import { isTracing } from '#libs/telemetry';
import { ApiKeyStore } from './api-key.store.js';
import { BoardSessions } from './board.sessions.js';
import type { BundleSpans } from './bundle.spans.js';
import { DeliveryLog } from './deliveries/delivery.log.js';
import { DeliverySchedule } from './deliveries/delivery.schedule.js';
import { Outbox } from './deliveries/outbox.js';
import { Receivers } from './deliveries/receivers.js';
import { EndedJobs } from './ended.jobs.js';
import { DriftStore } from './drift.store.js';
import { FleetStore } from './fleet.store.js';
import { JobNews } from './job.news.js';
import { IdempotencyStore } from './idempotency.store.js';
import { JobIndex } from './job.index.js';
import { JobStore } from './job.store.js';
import { Keys } from './keys.js';
import { Observations } from './observations.js';
import { openPayloads } from './payloads/open-payloads.js';
import { Payloads } from './payloads/payloads.js';
import { PredictConsumers } from './predict.consumers.js';
import { PredictQueues } from './predict.queues.js';
import { QueuedJobs } from './queued.jobs.js';
import { RateLimiter } from './rate.limiter.js';
import { openRedis } from './redis.js';
import { RedisHealth } from './redis.health.js';
import { RedisIndicator } from './redis.indicator.js';
import { ResultCache } from './result.cache.js';
import { Rollouts } from './rollouts.js';
import { Submitter } from './submitter.js';
import { Turns } from './turns.js';
import { WebhookDefaults } from './webhook.defaults.js';
import { WebhookSecrets } from './webhook.secrets.js';

const REDIS = Symbol('REDIS');

/** Of what a courier has under way, so much may be to receivers that have not shown that they take it. */
const PROBATION_SHARE = 0.5;

/**
 * The connection and the key names; on their own so that BullModule can ask for them. The connection
 * ends with the process, as whatever drains may need it to the last; unless it is down already, when
 * waiting for it would only use up the time to drain.
 */
@Module({})
class RedisModule implements OnModuleDestroy {
  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  static forRoot(failFast: boolean): DynamicModule {
    return {
      module: RedisModule,
      global: true,
      providers: [
        {
          provide: REDIS,
          inject: [CONFIG],
          useFactory: (config: Config) => openRedis(config.redis.REDIS_URL, { failFast }),
        },
        {
          provide: Keys,
          inject: [CONFIG],
          useFactory: (config: Config) => new Keys(config.redis.KEY_PREFIX),
        },
      ],
      exports: [REDIS, Keys],
    };
  }

  onModuleDestroy(): void {
    if (this.redis.status !== 'ready') this.redis.disconnect();
  }
}

/**
 * The door to Redis and BullMQ.
 *
 * `failFast` is for the api, whose callers want a 503 rather than a wait while Redis is away; workers
 * and couriers wait for it.
 */
@Module({})
export class JobsModule {
  static forRoot({ failFast }: { failFast: boolean }): DynamicModule {
    const providers = [
      {
        provide: JobStore,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new JobStore(redis, keys),
      },
      {
        provide: EndedJobs,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new EndedJobs(redis, keys),
      },
      {
        provide: ResultCache,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new ResultCache(redis, keys),
      },
      {
        provide: JobNews,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new JobNews(redis, keys),
      },
      {
        provide: Payloads,
        inject: [CONFIG, REDIS, Keys],
        useFactory: async ({ store }: Config, redis: Redis, keys: Keys) =>
          new Payloads(await openPayloads(store, redis, keys), store.INLINE_LIMIT_BYTES),
      },
      {
        provide: JobIndex,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new JobIndex(redis, keys),
      },
      {
        provide: FleetStore,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new FleetStore(redis, keys),
      },
      {
        provide: WebhookSecrets,
        inject: [CONFIG, REDIS, Keys],
        useFactory: ({ webhooks }: Config, redis: Redis, keys: Keys) =>
          new WebhookSecrets(redis, keys, webhooks.WEBHOOK_SECRET),
      },
      {
        provide: WebhookDefaults,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new WebhookDefaults(redis, keys),
      },
      {
        provide: Rollouts,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new Rollouts(redis, keys),
      },
      {
        provide: Observations,
        inject: [REDIS, Keys, Rollouts],
        useFactory: (redis: Redis, keys: Keys, rollouts: Rollouts) =>
          new Observations(redis, keys, rollouts),
      },
      {
        provide: DriftStore,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new DriftStore(redis, keys),
      },
      {
        provide: ApiKeyStore,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new ApiKeyStore(redis, keys),
      },
      {
        provide: BoardSessions,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new BoardSessions(redis, keys),
      },
      {
        provide: RedisHealth,
        inject: [REDIS],
        useFactory: (redis: Redis) => new RedisHealth(redis),
      },
      {
        provide: RateLimiter,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new RateLimiter(redis, keys),
      },
      {
        provide: QueuedJobs,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new QueuedJobs(redis, keys),
      },
      {
        provide: PredictQueues,
        inject: [REDIS, Keys],
        useFactory: async (redis: Redis, keys: Keys) => {
          const logger = new Logger('PredictQueues');
          const onError = (err: Error) => {
            logger.warn({ err }, 'queue error');
          };
          return new PredictQueues(redis, keys, onError, await openBundleSpans());
        },
      },
      {
        provide: PredictConsumers,
        inject: [REDIS, Keys, PredictQueues, CONFIG],
        useFactory: (redis: Redis, keys: Keys, queues: PredictQueues, config: Config) =>
          new PredictConsumers(redis, keys, queues, config.jobs),
      },
      {
        provide: Submitter,
        inject: [REDIS, Keys, JobStore, PredictQueues, Payloads],
        useFactory: (
          redis: Redis,
          keys: Keys,
          store: JobStore,
          queues: PredictQueues,
          payloads: Payloads,
        ) =>
          new Submitter(store, queues, (model) => openTurns(redis, keys, queues, model), payloads),
      },
      {
        provide: IdempotencyStore,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new IdempotencyStore(redis, keys),
      },
      {
        provide: Outbox,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new Outbox(redis, keys),
      },
      {
        provide: DeliverySchedule,
        inject: [REDIS, Keys, CONFIG],
        useFactory: (redis: Redis, keys: Keys, { webhooks }: Config) =>
          new DeliverySchedule(redis, keys, {
            lane: webhooks.RECEIVER_CONCURRENCY,
            probation: Math.ceil(webhooks.COURIER_CONCURRENCY * PROBATION_SHARE),
          }),
      },
      {
        provide: DeliveryLog,
        inject: [REDIS, Keys],
        useFactory: (redis: Redis, keys: Keys) => new DeliveryLog(redis, keys),
      },
      {
        provide: Receivers,
        inject: [REDIS, Keys, CONFIG],
        useFactory: (redis: Redis, keys: Keys, { webhooks }: Config) =>
          new Receivers(redis, keys, webhooks.WEBHOOK_DISABLE_AFTER_S * 1000),
      },
      RedisIndicator,
    ];
    return {
      module: JobsModule,
      global: true,
      imports: [RedisModule.forRoot(failFast), TerminusModule.forRoot({ logger: false })],
      providers,
      exports: providers.map((p) => ('provide' in p ? p.provide : p)),
    };
  }
}

/** Loaded only where it is needed, as it brings OpenTelemetry along. */
async function openBundleSpans(): Promise<BundleSpans | undefined> {
  if (!isTracing()) return undefined;
  const { BundleSpans } = await import('./bundle.spans.js');
  return new BundleSpans();
}

function openTurns(redis: Redis, keys: Keys, queues: PredictQueues, model: string): Turns {
  const sets = [keys.turns(model), keys.waiting(model), queues.prioritizedKey(model)] as const;
  return new Turns(redis, sets, keys.recordPrefix(model));
}
