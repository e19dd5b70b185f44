import { Body, Controller, Delete, Get, HttpCode, Logger, Param, Post } from '@nestjs/common';
import { Query, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '#libs/contracts';
import { DtoPipe } from '../http/dto.pipe.js';
import { ModelDriftSchema, VersionDriftSchema } from '../openapi/drift.schemas.js';
import { ApiProblems } from '../openapi/responses.js';
import { Scope } from '../security/scope.decorator.js';
import { DriftService } from './drift.service.js';
import { PinDto } from './pin.dto.js';
import { MAX_WINDOW_S, MIN_WINDOW_S, windowIn } from './window.js';

/** How what comes in now, and what is made of it, differs from what a model was made for. */
@ApiTags('models')
@Scope('read')
@Controller('v1/models/:model/drift')
export class DriftController {
  private readonly logger = new Logger('Drift');

  constructor(private readonly drift: DriftService) {}

  @Get()
  @ApiOperation({
    operationId: 'getDrift',
    summary: 'Inputs and predictions of late, compared with a reference',
  })
  @ApiQuery({
    name: 'version',
    required: false,
    description: 'Or `stable`, `canary`; default: all',
  })
  @ApiQuery({
    name: 'window_s',
    required: false,
    schema: { type: 'integer', minimum: MIN_WINDOW_S, maximum: MAX_WINDOW_S },
    description: 'What was observed for so long; default: the window of model.yaml',
  })
  @ApiOkResponse({ type: ModelDriftSchema, description: 'The drift of each version' })
  @ApiProblems('invalid-request', 'model-not-found', 'version-not-found', 503)
  async get(
    @Param('model') model: string,
    @Query('version') version?: string,
    @Query('window_s') window?: string,
  ): Promise<ModelDriftSchema> {
    const versions = await this.drift.of(model, version, windowIn(window));
    return { object: 'drift', model, versions };
  }

  @Post('reference')
  @Scope('admin')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'pinDriftReference',
    summary: 'Compare a version with what was observed of it of late',
  })
  @ApiOkResponse({ type: VersionDriftSchema, description: 'Its drift by the new reference' })
  @ApiProblems('invalid-request', 'model-not-found', 'version-not-found', 503)
  async pin(
    @Req() request: FastifyRequest,
    @Param('model') model: string,
    @Body(new DtoPipe(PinDto)) { version, window_s }: PinDto,
  ): Promise<VersionDriftSchema> {
    const found = await this.drift.pin(model, version, window_s, request.owner ?? '');
    this.tell(request, model, found.version, 'drift reference pinned');
    return found;
  }

  @Delete('reference')
  @Scope('admin')
  @HttpCode(204)
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({
    operationId: 'unpinDriftReference',
    summary: "Compare a version with its model's own reference again",
  })
  @ApiQuery({ name: 'version', required: true, description: 'Or `stable`, `canary`' })
  @ApiNoContentResponse({ description: 'No window is pinned any more' })
  @ApiProblems('invalid-request', 'model-not-found', 'version-not-found', 503)
  async unpin(
    @Req() request: FastifyRequest,
    @Param('model') model: string,
    @Query('version') version?: string,
  ): Promise<void> {
    if (version === undefined) throw new ProblemError('invalid-request', 'Name the version.');
    const number = await this.drift.unpin(model, version);
    this.tell(request, model, number, 'drift reference unpinned');
  }

  private tell(request: FastifyRequest, model: string, version: string, what: string): void {
    this.logger.log({ request_id: request.id, model, version, by: request.owner ?? '' }, what);
  }
}
