import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { HealthCheckService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { ProblemError } from '#libs/contracts';
import { RedisIndicator } from '#libs/jobs';
import { Leaving } from '../http/leaving.js';
import { HealthSchema, OkSchema } from '../openapi/health.schemas.js';
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
    private readonly leaving: Leaving,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'getHealth', summary: 'healthy, degraded or unhealthy, and why' })
  @ApiOkResponse({ type: HealthSchema, description: 'healthy or degraded' })
  @ApiResponse({ status: 503, type: HealthSchema, description: 'unhealthy' })
  async overview(@Res({ passthrough: true }) reply: FastifyReply) {
    const overview = await this.health.overview();
    if (overview.status === 'unhealthy') reply.status(HttpStatus.SERVICE_UNAVAILABLE);
    return overview;
  }

  @Get('live')
  @ApiOperation({ operationId: 'getLiveness', summary: 'The process answers' })
  @ApiOkResponse({ type: OkSchema, description: 'It does' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ operationId: 'getReadiness', summary: 'A job could be taken' })
  @ApiOkResponse({ type: OkSchema, description: 'It could' })
  @ApiProblems('not-ready')
  async ready(): Promise<{ status: 'ok' }> {
    if (this.leaving.begun) throw new ProblemError('not-ready', 'This process is stopping.');
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
