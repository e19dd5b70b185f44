import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../openapi/responses.js';
import { page, pageSize } from '../http/page.js';
import { ModelCatalog } from './model.catalog.js';
import { modelDetail, modelSummary } from './model.view.js';

@ApiTags('models')
@ApiProblems(401, 404, 422, 503)
@Controller('v1/models')
export class ModelsController {
  constructor(private readonly catalog: ModelCatalog) {}

  @Get()
  @ApiOperation({ summary: 'The models there are, and the state of their versions' })
  @ApiQuery({
    name: 'limit',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 100 },
  })
  @ApiQuery({ name: 'cursor', required: false })
  list(@Query('limit') limit?: string, @Query('cursor') cursor?: string) {
    const models = this.catalog.list();
    const { data, next_cursor } = page(models, (model) => model.name, pageSize(limit), cursor);
    return { data: data.map(modelSummary), next_cursor };
  }

  @Get(':model')
  @ApiOperation({ summary: 'A model: versions, schemas, batching, card' })
  get(@Param('model') name: string) {
    return modelDetail(this.catalog.get(name));
  }
}
