import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { RedisHealth } from './redis.health.js';

/** What a process sees of its connection to Redis. Names and meanings: docs/reference/metrics.md. */
@Injectable()
export class RedisMetrics {
  constructor(registry: Registry, redis: RedisHealth) {
    const registers = [registry];
    new Gauge({
      name: 'foretell_redis_up',
      help: '1 while the connection to Redis stands',
      registers,
      collect() {
        this.set(redis.isUp ? 1 : 0);
      },
    });
    const losses = new Counter({
      name: 'foretell_redis_disconnects_total',
      help: 'Times that the connection to Redis was lost',
      registers,
    });
    redis.onDown(() => {
      losses.inc();
    });
  }
}
