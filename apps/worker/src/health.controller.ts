import { Controller, Get } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  type HealthCheckResult,
  HealthIndicatorService,
} from '@nestjs/terminus';
import { RedisIndicator } from '#libs/jobs';
import { ModelHost } from './model.host.js';

/** For whoever supervises this process. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly redis: RedisIndicator,
    private readonly models: ModelHost,
  ) {}

  /** The process answers. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Redis answers, and every model has been loaded or has failed. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.redis.check(), () => this.checkModels()]);
  }

  private checkModels() {
    const indicator = this.indicators.check('models');
    return this.models.isSettled ? indicator.up() : indicator.down('still loading');
  }
}
