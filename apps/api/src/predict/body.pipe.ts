import { type PipeTransform, type Type } from '@nestjs/common';
import { getMetadataStorage, type ValidationError, validateSync } from 'class-validator';
import { type PointedError, ProblemError } from '#libs/contracts';
import { type PredictDto, WebhookDto } from './predict.dto.js';

/** So that a body that is wrong in a million places costs no more than one that is wrong in a few. */
const MAX_ERRORS = 20;

/**
 * Makes a body into its DTO and validates that. Not Nest's ValidationPipe: class-transformer would copy
 * a thousand instances element by element, only for the model's signature to check them again.
 */
export class BodyPipe<T extends PredictDto> implements PipeTransform<unknown, T> {
  constructor(private readonly dto: Type<T>) {}

  /** @throws ProblemError `invalid-request` with pointers into the body. */
  transform(body: unknown): T {
    if (!isRecord(body)) {
      throw new ProblemError('invalid-request', 'Send a JSON object with input or inputs.', {
        errors: [{ pointer: '', message: 'must be an object' }],
      });
    }
    const errors: PointedError[] = [];
    const dto = fill(new this.dto(), body, '', errors);
    const { webhook } = dto as { webhook?: unknown };
    if (isRecord(webhook)) dto.webhook = fill(new WebhookDto(), webhook, '/webhook', errors);
    errors.push(
      ...validateSync(dto, VALIDATOR_OPTIONS).flatMap((error) => pointed(error, '')),
      ...exactlyOneInput(dto),
    );
    if (errors.length > 0) {
      throw new ProblemError('invalid-request', 'Correct the fields named in errors.', {
        errors: errors.slice(0, MAX_ERRORS),
      });
    }
    return dto;
  }
}

const VALIDATOR_OPTIONS = {
  forbidUnknownValues: true,
  stopAtFirstError: true,
  validationError: { target: false, value: false },
};

/**
 * Copies the fields that the DTO knows, so that names like `constructor` never reach it, and complains of
 * the others. Null is how many clients write a field that is left out; only `input` may really be null.
 */
function fill<T extends object>(
  dto: T,
  body: Record<string, unknown>,
  at: string,
  errors: PointedError[],
): T {
  const known = fieldsOf(dto);
  for (const [name, value] of Object.entries(body)) {
    if (known.has(name)) {
      if (value !== null || name === 'input') (dto as Record<string, unknown>)[name] = value;
    } else if (errors.length < MAX_ERRORS) {
      errors.push({ pointer: `${at}/${escape(name)}`, message: 'is not a field of this request' });
    }
  }
  return dto;
}

/** The properties that carry a rule. */
function fieldsOf(dto: object): Set<string> {
  const rules = getMetadataStorage().getTargetValidationMetadatas(dto.constructor, '', true, false);
  return new Set(rules.map(({ propertyName }) => propertyName));
}

function pointed(error: ValidationError, parent: string): PointedError[] {
  const pointer = `${parent}/${escape(error.property)}`;
  const own = Object.values(error.constraints ?? {}).map((message) => ({
    pointer,
    message: message.startsWith(`${error.property} `)
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}
