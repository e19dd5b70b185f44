import { Body, Controller, Delete, Get, Header, HttpCode, Logger } from '@nestjs/common';
import { Param, Post, Query, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { type ApiKeyView, type NewApiKeyView, ProblemError, USUAL_SCOPES } from '#libs/contracts';
import { ApiKeyStore, placeOf } from '#libs/jobs';
import { DtoPipe } from '../http/dto.pipe.js';
import { page, type Page, pageSize } from '../http/page.js';
import { headers } from '../openapi/headers.js';
import { ApiKeyPageSchema, NewApiKeySchema } from '../openapi/key.schemas.js';
import { ApiPaging } from '../openapi/paging.js';
import { ApiProblems } from '../openapi/responses.js';
import { NewKeyDto } from './new-key.dto.js';
import { Scope } from './scope.decorator.js';

/** The keys that are stored, of all owners; not those of the settings. */
@ApiTags('operations')
@Scope('admin')
@Controller('v1/keys')
export class KeysController {
  private readonly logger = new Logger('Keys');

  constructor(private readonly store: ApiKeyStore) {}

  @Post()
  @Header('cache-control', 'no-store')
  @ApiOperation({ operationId: 'createKey', summary: 'Make an API key' })
  @ApiCreatedResponse({
    type: NewApiKeySchema,
    description: 'The key, which is told only here',
    headers: headers('Cache-Control'),
  })
  @ApiProblems('invalid-request', 'queue-unavailable')
  async create(
    @Req() request: FastifyRequest,
    @Body(new DtoPipe(NewKeyDto)) body: NewKeyDto,
  ): Promise<NewApiKeyView> {
    const { name, scopes = USUAL_SCOPES, expires_in_s: expiresInS } = body;
    const made = await this.store.create({ name, scopes, expiresInS });
    this.tell(request, made.id, 'key created');
    return made;
  }

  @Get()
  @ApiOperation({ operationId: 'listKeys', summary: 'The API keys that were made, of all owners' })
  @ApiPaging()
  @ApiOkResponse({ type: ApiKeyPageSchema, description: 'A page of keys, the oldest first' })
  @ApiProblems('invalid-request', 'queue-unavailable')
  async list(
    @Query('limit') limit?: string,
    @Query('cursor') cursor?: string,
  ): Promise<Page<ApiKeyView>> {
    const size = pageSize(limit);
    return page(await this.store.list(), placeOf, size, cursor);
  }

  @Delete(':key')
  @HttpCode(204)
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({ operationId: 'revokeKey', summary: 'Revoke an API key, at once and for ever' })
  @ApiNoContentResponse({ description: 'It is refused from now on' })
  @ApiProblems('key-not-found', 'queue-unavailable')
  async revoke(@Req() request: FastifyRequest, @Param('key') id: string): Promise<void> {
    if (!(await this.store.revoke(id))) {
      throw new ProblemError(
        'key-not-found',
        'No stored key has this id; GET /v1/keys lists them.',
      );
    }
    this.tell(request, id, 'key revoked');
  }

  private tell({ id: request_id, key }: FastifyRequest, key_id: string, what: string): void {
    this.logger.log({ request_id, key_id, by: key?.id }, what);
  }
}
