import { Controller, Get, Inject, Param, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { callerOf } from '../http/caller.js';
import { ApiDocument } from '../openapi/api-document.js';
import { modelDocument } from '../openapi/model-document.js';
import { ApiProblems } from '../openapi/responses.js';
import { Scope } from '../security/scope.decorator.js';
import { VersionRouter } from './version.router.js';
import { ModelCatalog } from './model.catalog.js';

@ApiTags('models')
@Scope('read')
@Controller('v1/models/:model/openapi.json')
export class ModelDocumentController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly catalog: ModelCatalog,
    private readonly router: VersionRouter,
    private readonly document: ApiDocument,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'getModelDocument',
    summary: 'An OpenAPI 3.1 document typed for a model: to make a client from',
  })
  @ApiOkResponse({
    description: 'The routes that a client of the model needs',
    schema: { type: 'object', additionalProperties: true },
  })
  @ApiProblems('model-not-found', 'not-ready')
  get(@Req() request: FastifyRequest, @Param('model') name: string): OpenAPIObject {
    const model = this.catalog.get(name);
    const main = this.router.mainVersion(model);
    const { baseUrl } = callerOf(request, this.config);
    return { ...modelDocument(this.document.get(), model, main), servers: [{ url: baseUrl }] };
  }
}
