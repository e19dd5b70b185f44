import { Body, Controller, Delete, Get, HttpCode, Inject, Put, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { ProblemError, type WebhookTarget } from '#libs/contracts';
import { WebhookDefaults } from '#libs/jobs';
import { callerOf } from '../http/caller.js';
import { DtoPipe } from '../http/dto.pipe.js';
import { ApiProblems } from '../openapi/responses.js';
import { DefaultWebhookSchema } from '../openapi/webhook.schemas.js';
import { Scope } from '../security/scope.decorator.js';
import { DefaultWebhookDto } from './webhook.dto.js';
import { targetOf, WebhookTargets } from './webhook.targets.js';

const ANSWER = { type: DefaultWebhookSchema, description: 'Your default webhook' };

/** The webhook of a caller's jobs that do not say otherwise. */
@ApiTags('webhooks')
@Scope('webhooks')
@Controller('v1/webhooks/default')
export class DefaultWebhookController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly defaults: WebhookDefaults,
    private readonly targets: WebhookTargets,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'getDefaultWebhook', summary: 'Where your jobs call back to' })
  @ApiOkResponse(ANSWER)
  @ApiProblems('webhook-not-found')
  get(@Req() request: FastifyRequest): DefaultWebhookSchema {
    const target = this.defaults.get(callerOf(request, this.config).owner);
    if (target) return view(target);
    throw new ProblemError('webhook-not-found', 'Set one: PUT /v1/webhooks/default.');
  }

  @Put()
  @ApiOperation({
    operationId: 'setDefaultWebhook',
    summary: 'Have jobs call back that are submitted from now on and do not say otherwise',
  })
  @ApiOkResponse(ANSWER)
  @ApiProblems('invalid-request', 'url-forbidden', 'queue-unavailable')
  async set(
    @Req() request: FastifyRequest,
    @Body(new DtoPipe(DefaultWebhookDto)) body: DefaultWebhookDto,
  ): Promise<DefaultWebhookSchema> {
    await this.targets.checkUrl(body.url, '/url', 'The URL');
    const target = targetOf(body.url, body);
    await this.defaults.set(callerOf(request, this.config).owner, target);
    return view(target);
  }

  @Delete()
  @HttpCode(204)
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({
    operationId: 'removeDefaultWebhook',
    summary: 'Have jobs call back no longer that do not say so; may be repeated',
  })
  @ApiNoContentResponse({ description: 'You have no default webhook' })
  @ApiProblems('queue-unavailable')
  async remove(@Req() request: FastifyRequest): Promise<void> {
    await this.defaults.remove(callerOf(request, this.config).owner);
  }
}

function view({ url, events }: WebhookTarget): DefaultWebhookSchema {
  return { object: 'default_webhook', url, events };
}
