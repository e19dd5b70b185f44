import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ProblemError } from '#libs/contracts';
import { type FleetCommand, FleetStore, Rollouts } from '#libs/jobs';
import { ModelPageSchema, ModelSchema, ModelVersionSchema } from '../openapi/model.schemas.js';
import { ApiPaging } from '../openapi/paging.js';
import { ApiProblems } from '../openapi/responses.js';
import { page, pageSize } from '../http/page.js';
import { BodyLimits } from '../predict/body.limits.js';
import { Scope } from '../security/scope.decorator.js';
import { ModelCatalog } from './model.catalog.js';
import { VersionRouter } from './version.router.js';
import { modelDetail, modelSummary, versionDetail } from './model.view.js';

const TOLD = 'The workers were told; the version as it was then';

@ApiTags('models')
@Scope('read')
@Controller('v1/models')
export class ModelsController {
  constructor(
    private readonly catalog: ModelCatalog,
    private readonly router: VersionRouter,
    private readonly rollouts: Rollouts,
    private readonly fleet: FleetStore,
    private readonly limits: BodyLimits,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listModels',
    summary: 'The models there are, and the state of their versions',
  })
  @ApiPaging()
  @ApiOkResponse({ type: ModelPageSchema, description: 'A page of models, by name' })
  @ApiProblems('invalid-request')
  list(@Query('limit') limit?: string, @Query('cursor') cursor?: string) {
    const models = this.catalog.list();
    const { data, next_cursor } = page(models, (model) => model.name, pageSize(limit), cursor);
    return { data: data.map(modelSummary), next_cursor };
  }

  @Get(':model')
  @ApiOperation({
    operationId: 'getModel',
    summary: 'A model: versions, schemas, batching, card',
  })
  @ApiOkResponse({ type: ModelSchema, description: 'The model' })
  @ApiProblems('model-not-found', 'not-ready')
  get(@Param('model') name: string) {
    return modelDetail(this.catalog.get(name), this.limits, this.rollouts.get(name));
  }

  @Post(':model/versions/:version/load')
  @Scope('models:write')
  @HttpCode(202)
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({ operationId: 'loadVersion', summary: 'Have every worker load a version' })
  @ApiAcceptedResponse({ type: ModelVersionSchema, description: TOLD })
  @ApiProblems('model-not-found', 'version-not-found', 503)
  load(@Param('model') model: string, @Param('version') version: string) {
    return this.command('load', model, version);
  }

  @Post(':model/versions/:version/unload')
  @Scope('models:write')
  @HttpCode(202)
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({
    operationId: 'unloadVersion',
    summary: 'Have every worker unload a version until its next job',
  })
  @ApiAcceptedResponse({ type: ModelVersionSchema, description: TOLD })
  @ApiProblems('model-not-found', 'version-not-found', 503)
  unload(@Param('model') model: string, @Param('version') version: string) {
    return this.command('unload', model, version);
  }

  private async command(type: FleetCommand['type'], model: string, asked: string) {
    const version = this.router.find(model, asked);
    if (this.catalog.liveWorkers().length === 0) {
      throw new ProblemError('not-ready', `No worker is alive that could ${type} it.`, {
        retryAfterS: 2,
      });
    }
    await this.fleet.command({ type, model, version: version.report.version });
    return versionDetail(version, this.limits);
  }
}
