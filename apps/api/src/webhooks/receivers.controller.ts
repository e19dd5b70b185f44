import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { ProblemError, type ReceiverView } from '#libs/contracts';
import { DeliveryLog, Receivers } from '#libs/jobs';
import { callerOf } from '../http/caller.js';
import { DtoPipe } from '../http/dto.pipe.js';
import { decodeCursor, encodeCursor, type Page, pageSize } from '../http/page.js';
import { timeOf } from '../http/time.js';
import { ReceiverPageSchema, ReceiverSchema } from '../openapi/delivery.schemas.js';
import { ApiPaging } from '../openapi/paging.js';
import { ApiProblems } from '../openapi/responses.js';
import { Scope } from '../security/scope.decorator.js';
import { RedeliveredAnswer, RedeliverFailedDto } from './redeliver.dto.js';

/** As `Receivers.list` gives it. */
const PLACE = /^[0-9]{1,16} rcv_[0-9a-f]{26}$/;

/** The receivers of a caller that have not taken their deliveries lately, and what can be done for them. */
@ApiTags('webhooks')
@Scope('webhooks')
@Controller('v1/webhooks')
export class ReceiversController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly receivers: Receivers,
    private readonly log: DeliveryLog,
  ) {}

  @Get('receivers')
  @ApiOperation({
    operationId: 'listReceivers',
    summary: 'Receivers that take nothing at the moment, or that nothing is sent to any more',
  })
  @ApiPaging()
  @ApiOkResponse({
    type: ReceiverPageSchema,
    description: 'A page of receivers, those that failed last first',
  })
  @ApiProblems('invalid-request', 'queue-unavailable')
  async list(
    @Req() request: FastifyRequest,
    @Query('limit') size?: string,
    @Query('cursor') cursor?: string,
  ): Promise<Page<ReceiverView>> {
    const limit = pageSize(size);
    const before = cursor === undefined ? undefined : decodeCursor(cursor, isPlace);
    const { owner } = callerOf(request, this.config);
    const { data, next } = await this.receivers.list(owner, { before, limit });
    return { data, next_cursor: next === null ? null : encodeCursor(next) };
  }

  @Post('receivers/:receiver/enable')
  @HttpCode(200)
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({
    operationId: 'enableReceiver',
    summary: 'Send to a receiver again that was disabled; may be repeated',
  })
  @ApiOkResponse({ type: ReceiverSchema, description: 'The receiver' })
  @ApiProblems('receiver-not-found', 'queue-unavailable')
  async enable(
    @Req() request: FastifyRequest,
    @Param('receiver') id: string,
  ): Promise<ReceiverView> {
    const receiver = await this.receivers.enable(callerOf(request, this.config).owner, id);
    if (receiver) return receiver;
    throw new ProblemError('receiver-not-found', 'No receiver of yours with this id is failing.');
  }

  @Post('redeliver')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'redeliverFailed',
    summary: 'Send everything once more that was given up since a time',
  })
  @ApiAcceptedResponse({
    type: RedeliveredAnswer,
    description: 'How many are sent again; with 10,000 or more, repeat it for the others',
  })
  @ApiProblems('invalid-request', 'queue-unavailable')
  async redeliver(
    @Req() request: FastifyRequest,
    @Body(new DtoPipe(RedeliverFailedDto)) { since }: RedeliverFailedDto,
  ): Promise<RedeliveredAnswer> {
    const { owner } = callerOf(request, this.config);
    return { queued: await this.log.redeliverFailed(owner, timeOf(since) ?? 0) };
  }
}

function isPlace(key: string): boolean {
  return PLACE.test(key);
}
