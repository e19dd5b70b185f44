import { applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiProperty, ApiQuery, ApiSchema } from '@nestjs/swagger';
import { JOB_STATUSES } from '#libs/contracts';
import { ApiPaging } from '../openapi/paging.js';
import { JobSchema } from '../openapi/schemas.js';

@ApiSchema({ name: 'JobPage' })
class JobPageSchema {
  @ApiProperty({
    type: [JobSchema],
    description: 'May be fewer than `limit` though there are more; `queue` is null here',
  })
  data!: JobSchema[];
  @ApiProperty({ type: String, nullable: true, description: 'For the next page; null on the last' })
  next_cursor!: string | null;
}

/** Each pair is a parameter of its own, as an exploded object's are. */
const PAIRS = {
  type: 'object' as const,
  maxProperties: 16,
  propertyNames: { pattern: '^metadata\\..{1,64}$' },
  additionalProperties: { type: 'string' as const, maxLength: 512 },
};

/** 200: a page of jobs, by what the query asks for. */
export function ApiJobList() {
  return applyDecorators(
    ApiQuery({
      name: 'status',
      required: false,
      style: 'form',
      explode: false,
      schema: { type: 'array', items: { type: 'string', enum: [...JOB_STATUSES] }, minItems: 1 },
    }),
    ApiQuery({
      name: 'model',
      required: false,
      schema: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' },
    }),
    ApiQuery({
      name: 'metadata',
      required: false,
      style: 'form',
      explode: true,
      description: 'As `metadata.<key>=<value>`: only jobs that have all of these pairs',
      schema: PAIRS,
      example: { 'metadata.order': '17' },
    }),
    ...['after', 'before'].map((side) =>
      ApiQuery({
        name: `created_${side}`,
        required: false,
        description: `Only jobs submitted ${side} this time`,
        schema: { type: 'string', format: 'date-time' },
      }),
    ),
    ApiPaging(),
    ApiOkResponse({ type: JobPageSchema, description: 'A page of jobs, the newest first' }),
  );
}
