import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ProblemError, PROBLEMS, type ProblemCode } from '#libs/contracts';
import { Public } from '../security/public.decorator.js';

/** What stands behind the `type` of a problem. */
@ApiTags('operations')
@Public()
@Controller('problems')
export class ProblemsController {
  @Get(':code')
  @ApiOperation({ summary: 'Explain a kind of problem' })
  explain(@Param('code') code: string) {
    if (!Object.hasOwn(PROBLEMS, code)) {
      throw new ProblemError('not-found', 'There is no such kind of problem.');
    }
    return { code, ...PROBLEMS[code as ProblemCode] };
  }
}
