import { type PipeTransform, type Type } from '@nestjs/common';
import { type ValidationError, validateSync } from 'class-validator';
import { type PointedError, ProblemError } from '#libs/contracts';
import { type PredictDto, WebhookDto } from './predict.dto.js';

/**
 * Makes a body into its DTO and validates that. Not Nest's ValidationPipe: class-transformer would copy
 * a thousand instances element by element, only for the model's signature to check them again.
 */
export class BodyPipe<T extends PredictDto> implements PipeTransform<unknown, T> {
  constructor(private readonly dto: Type<T>) {}

  /** @throws ProblemError `invalid-request` with pointers into the body. */
  transform(body: unknown): T {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new ProblemError('invalid-request', 'Send a JSON object with input or inputs.', {
        errors: [{ pointer: '', message: 'must be an object' }],
      });
    }
    const dto = Object.assign(new this.dto(), body);
    const { webhook } = dto as { webhook?: unknown };
    if (typeof webhook === 'object' && webhook !== null && !Array.isArray(webhook)) {
      dto.webhook = Object.assign(new WebhookDto(), webhook);
    }
    const errors = [
      ...validateSync(dto, VALIDATOR_OPTIONS).flatMap((error) => pointed(error, '')),
      ...exactlyOneInput(dto),
    ];
    if (errors.length > 0) {
      throw new ProblemError('invalid-request', 'Correct the fields named in errors.', { errors });
    }
    return dto;
  }
}

const VALIDATOR_OPTIONS = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  validationError: { target: false, value: false },
};

function pointed(error: ValidationError, parent: string): PointedError[] {
  const pointer = `${parent}/${error.property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
    pointer,
    message:
      rule === 'whitelistValidation'
        ? 'is not a field of this request'
        : message.startsWith(`${error.property} `)
          ? message.slice(error.property.length + 1)
          : message,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => pointed(child, pointer))];
}

function exactlyOneInput({ input, inputs }: PredictDto): PointedError[] {
  if ((input === undefined) !== (inputs === undefined)) return [];
  const message =
    input === undefined ? 'must have input or inputs' : 'must have input or inputs, not both';
  return [{ pointer: '', message }];
}
