import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, Matches } from 'class-validator';
import { MODEL_NAME } from '#libs/contracts';

/** The states that a job can be canceled from. */
export const OPEN_STATUSES = ['queued', 'running'] as const;
export type OpenStatus = (typeof OPEN_STATUSES)[number];

/** Which of the caller's jobs are to be canceled. */
export class BulkCancelDto {
  @ApiProperty({ example: 'iris' })
  @Matches(MODEL_NAME, { message: 'must be the name of a model' })
  model!: string;

  @ApiPropertyOptional({ enum: OPEN_STATUSES, description: 'Default: both' })
  @IsOptional()
  @IsIn(OPEN_STATUSES)
  status?: OpenStatus;
}

/** How that went. */
export class BulkCancelAnswer {
  @ApiProperty({ type: 'integer', minimum: 0, description: 'Jobs that this request has canceled' })
  canceled!: number;
}
