import { Controller, Get, Header, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import type { WebhookSecretView } from '#libs/contracts';
import { WebhookSecrets } from '#libs/jobs';
import { callerOf } from '../http/caller.js';
import { headers } from '../openapi/headers.js';
import { ApiProblems } from '../openapi/responses.js';
import { WebhookSecretSchema } from '../openapi/webhook.schemas.js';
import { Scope } from '../security/scope.decorator.js';

const ANSWER = { type: WebhookSecretSchema, headers: headers('Cache-Control') };

/** What a caller's receivers verify webhooks with. */
@ApiTags('webhooks')
@Scope('webhooks')
@Controller('v1/webhooks/secret')
export class WebhookSecretController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly secrets: WebhookSecrets,
  ) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ operationId: 'getWebhookSecret', summary: 'What your webhooks are signed with' })
  @ApiOkResponse({ ...ANSWER, description: 'Your secret, made now if there was none' })
  @ApiProblems('queue-unavailable')
  get(@Req() request: FastifyRequest): Promise<WebhookSecretView> {
    return this.secrets.of(callerOf(request, this.config).owner);
  }

  @Post('rotate')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({
    operationId: 'rotateWebhookSecret',
    summary: 'Make a new secret; the one before is valid for another 24 hours',
  })
  @ApiOkResponse({ ...ANSWER, description: 'The new secret, and the one before' })
  @ApiProblems('secret-configured', 'queue-unavailable')
  rotate(@Req() request: FastifyRequest): Promise<WebhookSecretView> {
    return this.secrets.rotate(callerOf(request, this.config).owner);
  }
}
