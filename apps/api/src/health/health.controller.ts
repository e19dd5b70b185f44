import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheckService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { ProblemError } from '#libs/contracts';
import { RedisIndicator } from '#libs/jobs';
import { ApiProblems } from '../openapi/responses.js';
import { Public } from '../security/public.decorator.js';
import { HealthService } from './health.service.js';

@ApiTags('operations')
@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly redis: RedisIndicator,
    private readonly health: HealthService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'healthy, degraded or unhealthy, and why' })
  async overview(@Res({ passthrough: true }) reply: FastifyReply) {
    const overview = await this.health.overview();
    if (overview.status === 'unhealthy') reply.status(HttpStatus.SERVICE_UNAVAILABLE);
    return overview;
  }

  @Get('live')
  @ApiOperation({ summary: 'The process answers' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'A job could be taken' })
  @ApiOkResponse({ description: 'It could' })
  @ApiProblems(503)
  async ready(): Promise<{ status: 'ok' }> {
    try {
      await this.checks.check([() => this.redis.check(), () => this.health.checkModels()]);
    } catch {
      throw new ProblemError('not-ready', 'Not ready to take jobs; GET /health tells why.', {
        retryAfterS: 2,
      });
    }
    return { status: 'ok' };
  }
}
