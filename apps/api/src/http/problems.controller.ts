import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ProblemError, PROBLEMS, type ProblemCode } from '#libs/contracts';
import { ApiProblems } from '../openapi/responses.js';
import { ProblemKindSchema } from '../openapi/schemas.js';
import { Public } from '../security/public.decorator.js';

/** What stands behind the `type` of a problem. */
@ApiTags('operations')
@Public()
@Controller('problems')
export class ProblemsController {
  @Get(':code')
  @ApiOperation({ operationId: 'getProblem', summary: 'Explain a kind of problem' })
  @ApiParam({ name: 'code', enum: Object.keys(PROBLEMS) })
  @ApiOkResponse({ type: ProblemKindSchema, description: 'What the code means' })
  @ApiProblems('not-found')
  explain(@Param('code') code: string): ProblemKindSchema {
    if (!Object.hasOwn(PROBLEMS, code)) {
      throw new ProblemError('not-found', 'There is no such kind of problem.');
    }
    return { code: code as ProblemCode, ...PROBLEMS[code as ProblemCode] };
  }
}
