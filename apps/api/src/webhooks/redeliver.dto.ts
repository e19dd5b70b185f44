import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsOptional, IsString } from 'class-validator';
import { IsTime } from '../http/time.js';
import { COUNT, TIME } from '../openapi/fields.js';

/** Which deliveries of a job are to be sent again. */
@ApiSchema({ name: 'RedeliverRequest' })
export class RedeliverDto {
  @ApiPropertyOptional({
    example: 'msg_01kaj3qv1mfyk9yd0tr9b5h2ez_1',
    description: 'This one, whatever became of it; default: all that have failed',
  })
  @IsOptional()
  @IsString()
  id?: string;
}

/** Which deliveries of all jobs of a caller are to be sent again. */
@ApiSchema({ name: 'RedeliverFailedRequest' })
export class RedeliverFailedDto {
  @ApiProperty({ ...TIME, description: 'Those that were given up since then' })
  @IsTime()
  since!: string;
}

/** How many are. */
@ApiSchema({ name: 'Redelivered' })
export class RedeliveredAnswer {
  @ApiProperty({ ...COUNT, description: 'Deliveries that are sent again' }) queued!: number;
}
