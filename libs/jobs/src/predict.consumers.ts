import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { Config } from '#libs/config';
import type { Keys } from './keys.js';
import { PredictConsumer, type TakenJob } from './predict.consumer.js';
import type { PredictQueues } from './predict.queues.js';

/** Opens consumers on the queues of models. */
export class PredictConsumers {
  private readonly logger = new Logger('PredictConsumer');

  constructor(
    private readonly redis: Redis,
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
        this.logger.warn({ model, err: error }, 'queue error');
      },
    });
  }
}
