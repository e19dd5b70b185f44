import { type PipeTransform, type Type } from '@nestjs/common';
import {
  getMetadataStorage,
  type ValidationError,
  ValidationTypes,
  validateSync,
} from 'class-validator';
import {
  isRecord,
  MAX_POINTED_ERRORS,
  type PointedError,
  pointerPart,
  ProblemError,
} from '#libs/contracts';

/**
 * Makes a body into its DTO and validates that. Not Nest's ValidationPipe: class-transformer would copy
 * a thousand instances element by element, only for the model's signature to check them again.
 */
export class DtoPipe<T extends object> implements PipeTransform<unknown, T> {
  private readonly fields: ReadonlySet<string>;
  /** Whether there are rules that a body breaks by leaving a field out. */
  private readonly demanding: boolean;

  /** @param otherwise stands for a body that is left out; absent: there must be one. */
  constructor(
    private readonly dto: Type<T>,
    private readonly otherwise?: object,
  ) {
    this.fields = fieldsOf(dto);
    this.demanding = requiredOf(dto).size > 0;
  }

  /** @throws ProblemError `invalid-request` with pointers into the body; `invalid-json` where there is none. */
  transform(given: unknown): T {
    const body = given === undefined ? this.otherwise : given;
    if (body === undefined) throw new ProblemError('invalid-json', 'Send a JSON body.');
    if (!isRecord(body)) {
      throw new ProblemError('invalid-request', 'Send a JSON object; /docs shows its fields.', {
        errors: [{ pointer: '', message: 'must be an object' }],
      });
    }
    const errors: PointedError[] = [];
    const dto = fill(new this.dto(), this.fields, body, '', errors);
    this.fillNested?.(dto, errors);
    // Most bodies are an input alone, to which no rule of the DTO applies.
    if (this.demanding || Object.keys(body).some((name) => name !== 'input')) {
      errors.push(...validateSync(dto, VALIDATOR_OPTIONS).flatMap((error) => pointed(error, '')));
    }
    errors.push(...(this.further?.(dto) ?? []));
    if (errors.length > 0) {
      throw new ProblemError('invalid-request', 'Correct the fields named in errors.', {
        errors: errors.slice(0, MAX_POINTED_ERRORS),
      });
    }
    return dto;
  }

  /** Makes the objects in it into DTOs of their own, before all are validated. */
  protected fillNested?(dto: T, errors: PointedError[]): void;

  /** What no rule of a single field says. */
  protected further?(dto: T): PointedError[];
}

const VALIDATOR_OPTIONS = {
  forbidUnknownValues: true,
  stopAtFirstError: true,
  validationError: { target: false, value: false },
};

/** An instance may be null; no `webhook` at all is another thing than none said. */
const NULL_SAYS_SOMETHING: ReadonlySet<string> = new Set(['input', 'webhook']);

/**
 * Copies the fields that the DTO knows, so that names like `constructor` never reach it, and complains of
 * the others. Null is how many clients write a field that is left out.
 */
export function fill<T extends object>(
  dto: T,
  known: ReadonlySet<string>,
  body: Record<string, unknown>,
  at: string,
  errors: PointedError[],
): T {
  for (const [name, value] of Object.entries(body)) {
    if (known.has(name)) {
      if (value !== null || NULL_SAYS_SOMETHING.has(name))
        (dto as Record<string, unknown>)[name] = value;
    } else if (errors.length < MAX_POINTED_ERRORS) {
      errors.push({
        pointer: `${at}/${pointerPart(name)}`,
        message: 'is not a field of this request',
      });
    }
  }
  return dto;
}

/** The properties that carry a rule. */
export function fieldsOf(dto: Type): Set<string> {
  return new Set(rulesOf(dto).map(({ propertyName }) => propertyName));
}

/** Those whose rules hold also where the property is left out: neither `@IsOptional` nor `@Allow`. */
function requiredOf(dto: Type): Set<string> {
  const required = fieldsOf(dto);
  for (const { type, propertyName } of rulesOf(dto)) {
    if (FREEING_RULES.has(type)) required.delete(propertyName);
  }
  return required;
}

const FREEING_RULES = new Set<string>([
  ValidationTypes.CONDITIONAL_VALIDATION,
  ValidationTypes.WHITELIST,
]);

function rulesOf(dto: Type) {
  return getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false);
}

function pointed(error: ValidationError, parent: string): PointedError[] {
  const pointer = `${parent}/${pointerPart(error.property)}`;
  const own = Object.values(error.constraints ?? {}).map((message) => ({
    pointer,
    message: message.startsWith(`${error.property} `)
      ? message.slice(error.property.length + 1)
      : message,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => pointed(child, pointer))];
}
