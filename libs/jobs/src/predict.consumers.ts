import { Logger } from '@nestjs/common';
import type { Config } from '#libs/config';
import { LastingTrouble } from '#libs/telemetry';
import type { Keys } from './keys.js';
import { PredictConsumer, type TakenJob } from './predict.consumer.js';
import type { PredictQueues } from './predict.queues.js';
import type { RedisConnection } from './redis.js';

/** Opens consumers on the queues of models. */
export class PredictConsumers {
  /** One for all queues, as they share a Redis. */
  private readonly trouble = new LastingTrouble(new Logger('PredictConsumer'));

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly queues: PredictQueues,
    private readonly config: Config['jobs'],
  ) {}

  /** @see PredictConsumer */
  open(
    model: string,
    concurrency: number,
    handle: (job: TakenJob) => Promise<void>,
  ): PredictConsumer {
    return new PredictConsumer(model, handle, {
      redis: this.redis,
      keys: this.keys,
      queues: this.queues,
      concurrency,
      lockDurationMs: this.config.LOCK_DURATION_MS,
      stalledIntervalMs: this.config.STALLED_INTERVAL_MS,
      onError: (error) => {
        this.trouble.met(error, `queue error (${model})`);
      },
    });
  }
}
