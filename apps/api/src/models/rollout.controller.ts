import { Body, Controller, Delete, Get, HttpCode, Logger, Param, Put } from '@nestjs/common';
import { Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clock } from '#libs/clock';
import {
  type PointedError,
  ProblemError,
  type RolloutChange,
  type RolloutReport,
} from '#libs/contracts';
import { Observations, Rollouts } from '#libs/jobs';
import { rolloutReport } from '#libs/models';
import { changedMeanwhile, etagOf, revisionToMatch } from '../http/if-match.js';
import { headers } from '../openapi/headers.js';
import { ApiProblems } from '../openapi/responses.js';
import { RolloutSchema } from '../openapi/rollout.schemas.js';
import { Scope } from '../security/scope.decorator.js';
import type { CatalogModel } from './catalog.model.js';
import { ModelCatalog } from './model.catalog.js';
import { RolloutDto } from './rollout.dto.js';
import { RolloutPipe } from './rollout.pipe.js';
import { rolloutView, type RolloutView } from './rollout.view.js';

const ANSWER = { type: RolloutSchema, description: 'The rollout', headers: headers('ETag') };
const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description: 'The `ETag` of what you have seen: refused where it has changed since',
  schema: { type: 'string', example: '"3"' },
} as const;

/** Which versions of a model submissions go to. */
@ApiTags('models')
@Controller('v1/models/:model/rollout')
export class RolloutController {
  private readonly logger = new Logger('Rollout');

  constructor(
    private readonly catalog: ModelCatalog,
    private readonly rollouts: Rollouts,
    private readonly observations: Observations,
  ) {}

  @Get()
  @Scope('read')
  @ApiOperation({
    operationId: 'getRollout',
    summary: 'Which versions of a model submissions go to, how those do, and how that has changed',
  })
  @ApiOkResponse(ANSWER)
  @ApiProblems('model-not-found', 503)
  get(
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('model') name: string,
  ): Promise<RolloutView> {
    return this.answer(reply, this.catalog.get(name));
  }

  @Put()
  @Scope('admin')
  @ApiOperation({
    operationId: 'setRollout',
    summary: 'Say which versions of a model submissions go to, from now on and on all processes',
  })
  @ApiHeader(IF_MATCH)
  @ApiOkResponse(ANSWER)
  @ApiProblems('model-not-found', 'precondition-failed', 'invalid-request', 503)
  async set(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('model') name: string,
    @Body(new RolloutPipe()) body: RolloutDto,
  ): Promise<RolloutView> {
    const model = this.catalog.get(name);
    checkVersions(model, body);
    await this.change(request, name, { event: 'set', rollout: body });
    return this.answer(reply, model);
  }

  @Delete()
  @Scope('admin')
  @HttpCode(204)
  @RouteConfig({ ignoreBody: true })
  @ApiOperation({
    operationId: 'removeRollout',
    summary: 'Have submissions go to the default version again; may be repeated',
  })
  @ApiHeader(IF_MATCH)
  @ApiNoContentResponse({ description: 'The model has no rollout' })
  @ApiProblems('model-not-found', 'precondition-failed', 503)
  async remove(@Req() request: FastifyRequest, @Param('model') name: string): Promise<void> {
    const known = this.rollouts.get(name);
    // Also of a model that has gone meanwhile.
    if (!known) this.catalog.get(name);
    if (known?.rollout) await this.change(request, name, { event: 'removed', rollout: null });
  }

  private async answer(reply: FastifyReply, model: CatalogModel): Promise<RolloutView> {
    const change = this.rollouts.get(model.name);
    const [history, report] = await Promise.all([
      this.rollouts.log(model.name),
      this.report(model.name, change),
    ]);
    const view = rolloutView(model, change, history, report);
    reply.header('etag', etagOf(view.revision));
    return view;
  }

  private async report(
    model: string,
    change: RolloutChange | undefined,
  ): Promise<RolloutReport | null> {
    if (!change?.rollout) return null;
    const counts = await this.observations.under(model, change.revision);
    return rolloutReport(change.rollout, counts);
  }

  private async change(
    request: FastifyRequest,
    model: string,
    to: Pick<RolloutChange, 'event' | 'rollout'>,
  ): Promise<void> {
    const by = request.owner ?? '';
    const change = { ...to, at: new Date(clock.now()).toISOString(), by };
    if (!(await this.rollouts.change(model, change, revisionToMatch(request)))) {
      throw changedMeanwhile();
    }
    const revision = this.rollouts.get(model)?.revision;
    this.logger.log({ request_id: request.id, model, by, revision, ...to }, 'rollout changed');
  }
}

/** @throws ProblemError `invalid-request` for versions that cannot be served. */
function checkVersions(model: CatalogModel, { stable, canary, shadow }: RolloutDto): void {
  const errors: PointedError[] = [];
  const named = {
    '/stable': stable,
    '/canary/version': canary?.version,
    '/shadow/version': shadow?.version,
  };
  for (const [pointer, version] of Object.entries(named)) {
    if (version === undefined || model.usable(version)) continue;
    const found = model.versions.find(({ report }) => report.version === version);
    const message = found
      ? `has failed: ${found.report.reason ?? ''}`
      : 'is no version of the model';
    errors.push({ pointer, message });
  }
  if (errors.length === 0) return;
  const detail = `GET /v1/models/${model.name} lists the versions and their state.`;
  throw new ProblemError('invalid-request', detail, { errors });
}
