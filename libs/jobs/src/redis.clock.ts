import { Logger, type OnModuleDestroy } from '@nestjs/common';
import { clock } from '#libs/clock';
import type { RedisConnection } from './redis.js';

const INTERVAL_MS = 10_000;
/** A machine whose clock is further off is worth a line in the log. */
const TOLERATED_MS = 1000;

/** Keeps the clock of this process at the time of Redis, which all processes share. */
export class RedisClock implements OnModuleDestroy {
  private readonly logger = new Logger('Clock');
  private readonly timer: NodeJS.Timeout;
  private isTold = false;

  constructor(private readonly redis: RedisConnection) {
    this.timer = setInterval(() => void this.ask(), INTERVAL_MS).unref();
    // Perhaps another one, after a failover.
    redis.on('ready', () => void this.ask());
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** While Redis is away, what it said last holds. */
  async ask(): Promise<void> {
    const askedMs = performance.now();
    const told = await this.redis.time().catch(() => null);
    if (!told) return;
    const [seconds, micros] = told;
    clock.hear(Number(seconds) * 1000 + Number(micros) / 1000, askedMs, performance.now());
    this.tellDifference(Date.now() - clock.now());
  }

  private tellDifference(aheadMs: number): void {
    const isFar = Math.abs(aheadMs) > TOLERATED_MS;
    if (isFar && !this.isTold) {
      this.logger.warn({ ahead_ms: aheadMs }, "this machine's clock differs from that of Redis");
    }
    this.isTold = isFar;
  }
}
