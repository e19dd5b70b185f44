import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CONFIG, type Config } from '#libs/config';
import { isTracing, LastingTrouble } from '#libs/telemetry';
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
import { checkDurability } from './redis.durability.js';
import { RedisClock } from './redis.clock.js';
import { RedisHealth } from './redis.health.js';
import { RedisIndicator } from './redis.indicator.js';
import { openRedis, type RedisConnection } from './redis.js';
import { Replication } from './replication.js';
import { ResultCache } from './result.cache.js';
import { Rollouts } from './rollouts.js';
import { StrayJobs } from './stray.jobs.js';
import { Submitter } from './submitter.js';
import { Turns } from './turns.js';
import { WebhookDefaults } from './webhook.defaults.js';
import { WebhookSecrets } from './webhook.secrets.js';
import { Witness } from './witness.js';

const REDIS = Symbol('REDIS');

/** Of what a courier has under way, so much may be to receivers that have not shown that they take it. */
const PROBATION_SHARE = 0.5;

/**
 * The connection and the key names; on their own so that BullModule can ask for them. The connection
 * ends with the process, as whatever drains may need it to the last; unless it is down by then.
 */
@Module({})
class RedisModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS) private readonly redis: RedisConnection) {}

  static forRoot(failFast: boolean): DynamicModule {
    return {
      module: RedisModule,
      global: true,
      providers: [
        {
          provide: REDIS,
          inject: [CONFIG],
          useFactory: async ({ redis: { REDIS_URL, DURABILITY } }: Config) => {
            const redis = await openRedis(REDIS_URL, { failFast });
            const logger = new Logger('Redis');
            await checkDurability(redis, DURABILITY, (message) => {
              logger.warn(message);
            });
            return redis;
          },
        },
        {
          provide: Keys,
          inject: [CONFIG],
          useFactory: (config: Config) => new Keys(config.redis.KEY_PREFIX),
        },
        {
          provide: RedisClock,
          inject: [REDIS],
          useFactory: async (redis: RedisConnection) => {
            const redisClock = new RedisClock(redis);
            await redisClock.ask();
            return redisClock;
          },
        },
      ],
      exports: [REDIS, Keys],
    };
  }

  onApplicationShutdown(): void {
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
        useFactory: (redis: RedisConnection, keys: Keys) => new JobStore(redis, keys),
      },
      {
        provide: Replication,
        inject: [REDIS, Keys, CONFIG],
        useFactory: (redis: RedisConnection, keys: Keys, config: Config) =>
          new Replication(redis, keys, config.redis.WAIT_REPLICAS),
      },
      {
        provide: EndedJobs,
        inject: [REDIS, Keys, Replication],
        useFactory: (redis: RedisConnection, keys: Keys, replication: Replication) =>
          new EndedJobs(redis, keys, replication),
      },
      {
        provide: ResultCache,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new ResultCache(redis, keys),
      },
      {
        provide: JobNews,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new JobNews(redis, keys),
      },
      {
        provide: Payloads,
        inject: [CONFIG, REDIS, Keys],
        useFactory: async ({ store }: Config, redis: RedisConnection, keys: Keys) =>
          new Payloads(await openPayloads(store, redis, keys), store.INLINE_LIMIT_BYTES),
      },
      {
        provide: JobIndex,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new JobIndex(redis, keys),
      },
      {
        provide: FleetStore,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new FleetStore(redis, keys),
      },
      {
        provide: WebhookSecrets,
        inject: [CONFIG, REDIS, Keys],
        useFactory: ({ webhooks }: Config, redis: RedisConnection, keys: Keys) =>
          new WebhookSecrets(redis, keys, webhooks.WEBHOOK_SECRET),
      },
      {
        provide: WebhookDefaults,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new WebhookDefaults(redis, keys),
      },
      {
        provide: Rollouts,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new Rollouts(redis, keys),
      },
      {
        provide: Observations,
        inject: [REDIS, Keys, Rollouts],
        useFactory: (redis: RedisConnection, keys: Keys, rollouts: Rollouts) =>
          new Observations(redis, keys, rollouts),
      },
      {
        provide: DriftStore,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new DriftStore(redis, keys),
      },
      {
        provide: ApiKeyStore,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new ApiKeyStore(redis, keys),
      },
      {
        provide: BoardSessions,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new BoardSessions(redis, keys),
      },
      {
        provide: RedisHealth,
        inject: [REDIS],
        useFactory: (redis: RedisConnection) => new RedisHealth(redis),
      },
      {
        provide: RateLimiter,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new RateLimiter(redis, keys),
      },
      {
        provide: QueuedJobs,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new QueuedJobs(redis, keys),
      },
      {
        provide: PredictQueues,
        inject: [REDIS, Keys],
        useFactory: async (redis: RedisConnection, keys: Keys) => {
          const trouble = new LastingTrouble(new Logger('PredictQueues'));
          const onError = (err: Error) => {
            trouble.met(err, 'queue error');
          };
          return new PredictQueues(redis, keys, onError, await openBundleSpans());
        },
      },
      {
        provide: PredictConsumers,
        inject: [REDIS, Keys, PredictQueues, CONFIG],
        useFactory: (redis: RedisConnection, keys: Keys, queues: PredictQueues, config: Config) =>
          new PredictConsumers(redis, keys, queues, config.jobs),
      },
      {
        provide: Submitter,
        inject: [REDIS, Keys, JobStore, PredictQueues, Payloads, Replication],
        useFactory: (
          redis: RedisConnection,
          keys: Keys,
          store: JobStore,
          queues: PredictQueues,
          payloads: Payloads,
          replication: Replication,
        ) => {
          const turnsOf = (model: string) => openTurns(redis, keys, queues, model);
          return new Submitter(store, queues, turnsOf, payloads, replication);
        },
      },
      {
        provide: StrayJobs,
        inject: [REDIS, Keys, PredictQueues],
        useFactory: (redis: RedisConnection, keys: Keys, queues: PredictQueues) =>
          new StrayJobs(redis, keys, queues),
      },
      {
        provide: Witness,
        inject: [REDIS, Keys, Submitter],
        useFactory: (redis: RedisConnection, keys: Keys, { latest }: Submitter) =>
          new Witness(redis, keys, () => latest.values()),
      },
      {
        provide: IdempotencyStore,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new IdempotencyStore(redis, keys),
      },
      {
        provide: Outbox,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new Outbox(redis, keys),
      },
      {
        provide: DeliverySchedule,
        inject: [REDIS, Keys, CONFIG, Replication],
        useFactory: (
          redis: RedisConnection,
          keys: Keys,
          { webhooks }: Config,
          replication: Replication,
        ) => {
          const caps = {
            lane: webhooks.RECEIVER_CONCURRENCY,
            probation: Math.ceil(webhooks.COURIER_CONCURRENCY * PROBATION_SHARE),
          };
          return new DeliverySchedule(redis, keys, caps, replication);
        },
      },
      {
        provide: DeliveryLog,
        inject: [REDIS, Keys],
        useFactory: (redis: RedisConnection, keys: Keys) => new DeliveryLog(redis, keys),
      },
      {
        provide: Receivers,
        inject: [REDIS, Keys, CONFIG],
        useFactory: (redis: RedisConnection, keys: Keys, { webhooks }: Config) =>
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

function openTurns(
  redis: RedisConnection,
  keys: Keys,
  queues: PredictQueues,
  model: string,
): Turns {
  const sets = [keys.turns(model), keys.waiting(model), queues.prioritizedKey(model)] as const;
  return new Turns(redis, sets, keys.recordPrefix(model));
}
