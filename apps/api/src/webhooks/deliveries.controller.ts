import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { type DeliveryView, ProblemError } from '#libs/contracts';
import { DeliveryLog, type JobRecord, parseDeliveryId } from '#libs/jobs';
import { callerOf } from '../http/caller.js';
import { DtoPipe } from '../http/dto.pipe.js';
import { decodeCursor, encodeCursor, type Page, pageSize } from '../http/page.js';
import { JobReader } from '../jobs/job.reader.js';
import { DeliveryPageSchema } from '../openapi/delivery.schemas.js';
import { ApiPaging } from '../openapi/paging.js';
import { ApiProblems } from '../openapi/responses.js';
import { Scope } from '../security/scope.decorator.js';
import { RedeliverDto, RedeliveredAnswer } from './redeliver.dto.js';

const SEQUENCE = /^[1-9][0-9]{0,5}$/;

/** What has come of telling a job's events to its webhook. */
@ApiTags('webhooks')
@Controller('v1/jobs/:id/deliveries')
export class DeliveriesController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly reader: JobReader,
    private readonly log: DeliveryLog,
  ) {}

  @Get()
  @Scope('read')
  @ApiOperation({
    operationId: 'listDeliveries',
    summary: 'The events that its webhook was to hear of, and every attempt to deliver them',
  })
  @ApiPaging()
  @ApiOkResponse({ type: DeliveryPageSchema, description: 'A page of deliveries, by sequence' })
  @ApiProblems('job-not-found', 'job-gone', 'job-lost', 'invalid-request', 'queue-unavailable')
  async list(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query('limit') size?: string,
    @Query('cursor') cursor?: string,
  ): Promise<Page<DeliveryView>> {
    const limit = pageSize(size);
    const after = cursor === undefined ? 0 : Number(decodeCursor(cursor, isSequence));
    const { spec } = await this.find(request, id);
    const { data, more } = await this.log.page(spec.id, { after, limit });
    const last = data.at(-1);
    return { data, next_cursor: more && last ? encodeCursor(String(last.sequence)) : null };
  }

  @Post('redeliver')
  @HttpCode(202)
  @Scope('webhooks')
  @ApiOperation({ operationId: 'redeliver', summary: 'Send deliveries of a job once more' })
  @ApiBody({ type: RedeliverDto, required: false })
  @ApiAcceptedResponse({ type: RedeliveredAnswer, description: 'How many are sent again' })
  @ApiProblems(
    'job-not-found',
    'delivery-not-found',
    'job-gone',
    'job-lost',
    422,
    'queue-unavailable',
  )
  async redeliver(
    @Req() request: FastifyRequest,
    @Param('id') jobId: string,
    @Body(new DtoPipe(RedeliverDto, {})) { id }: RedeliverDto,
  ): Promise<RedeliveredAnswer> {
    const { spec } = await this.find(request, jobId);
    if (id === undefined) return { queued: await this.log.redeliver(spec.id, spec.model) };
    const delivery = parseDeliveryId(id);
    const queued =
      delivery?.jobId === spec.id
        ? await this.log.redeliver(spec.id, spec.model, [delivery.sequence])
        : 0;
    if (queued > 0) return { queued };
    throw new ProblemError('delivery-not-found', 'No delivery of this job has this id.');
  }

  private find(request: FastifyRequest, id: string): Promise<JobRecord> {
    return this.reader.find(id, callerOf(request, this.config));
  }
}

function isSequence(key: string): boolean {
  return SEQUENCE.test(key);
}
