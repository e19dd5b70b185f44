import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type {
  InputWarning,
  PointedError,
  NumberField,
  TensorInfo,
  VersionDescription,
} from '#libs/contracts';
import { isRecord, MAX_POINTED_ERRORS, pointerPart, ProblemError } from '#libs/contracts';
import { imageComplaint } from './image-format.js';
import { isNumberField } from './field-schema.js';
import { instanceInputs } from './instance-inputs.js';
import { instanceSchema, parametersSchema, shortInstanceSchema } from './input-schema.js';
import { type DimensionSizes, measure } from './nested-array.js';
import { isPreprocessed } from './hooks.js';
import { fits64, WELL_FORMED } from './tensor-schema.js';

const MAX_WARNINGS = 50;

/** One a validator, so that what it compiled goes when its version goes. */
function newAjv(allErrors: boolean): Ajv2020 {
  // Else a field that is called `constructor` would be there in every instance.
  const options = { strict: false, strictNumbers: true, ownProperties: true, allErrors };
  const ajv = new Ajv2020(options);
  for (const dtype of ['int64', 'uint64'] as const) {
    ajv.addFormat(dtype, { type: 'string', validate: (text: string) => fits64(dtype, text) });
  }
  return ajv;
}

/** Checks what callers send against the signature of one model version. */
export class InputValidator {
  private readonly named: ValidateFunction;
  private readonly short: ValidateFunction | null;
  private readonly parameters: ValidateFunction;
  /** Raw inputs with a shape that a schema cannot say in full. */
  private readonly variable: TensorInfo[];
  /** What the manifest says of the input is for what its `preprocess` gives, not for what callers send. */
  private readonly isPreprocessed: boolean;

  /** @throws ProblemError `not-ready` while the signature of a raw graph is not known yet. */
  constructor(private readonly version: VersionDescription) {
    const named = instanceSchema(version);
    if (!named) {
      throw new ProblemError(
        'not-ready',
        `Model ${version.model} is being loaded for the first time.`,
        { retryAfterS: 2 },
      );
    }
    this.isPreprocessed = isPreprocessed(version);
    const short = shortInstanceSchema(version);
    // A row of named fields is small enough to be told all of its errors; a tensor is not.
    const ajv = newAjv(version.input.kind === 'tabular' && !this.isPreprocessed);
    this.named = ajv.compile(named);
    this.short = short && ajv.compile(short);
    this.parameters = ajv.compile(parametersSchema(version));
    this.variable =
      version.input.kind === 'tensor' && !this.isPreprocessed
        ? instanceInputs(version).filter(({ shape }) => shape.some((s) => typeof s === 'string'))
        : [];
  }

  /**
   * @param instances what stood in `inputs`, or the one that stood in `input`.
   * @param many whether pointers lead into `/inputs/<i>` or into `/input`.
   * @returns warnings for fields outside their declared range.
   * @throws ProblemError `invalid-input` with pointers into the body; for a picture that is an animation, no
   * picture or too large, `unsupported-media-type` or `payload-too-large`.
   */
  validate(instances: readonly unknown[], many: boolean, parameters: unknown): InputWarning[] {
    const errors: PointedError[] = [];
    if (parameters !== undefined && !this.parameters(parameters)) {
      errors.push(...pointed('/parameters', this.parameters.errors));
    }
    const warnings: InputWarning[] = [];
    for (let i = 0; i < instances.length && errors.length < MAX_POINTED_ERRORS; i++) {
      const at = many ? `/inputs/${String(i)}` : '/input';
      const found = this.check(instances[i], at);
      if (found.length > 0) errors.push(...found);
      else if (warnings.length < MAX_WARNINGS) this.warn(instances[i], at, warnings);
    }
    if (errors.length > 0) {
      throw new ProblemError(
        'invalid-input',
        `The input does not fit ${this.version.model}; see errors. GET /v1/models/${this.version.model} shows its schema.`,
        { errors: errors.slice(0, MAX_POINTED_ERRORS) },
      );
    }
    return warnings;
  }

  private check(instance: unknown, at: string): PointedError[] {
    if (this.version.input.kind === 'image' && !this.isPreprocessed)
      return checkImage(instance, at);
    const validate = this.short && !isRecord(instance) ? this.short : this.named;
    if (!validate(instance)) return pointed(at, validate.errors);
    return this.checkShapes(instance, at);
  }

  /** What a schema cannot say: rows of equal length, and symbolic dimensions that agree by name. */
  private checkShapes(instance: unknown, at: string): PointedError[] {
    const sizes: DimensionSizes = new Map();
    for (const { name, shape } of this.variable) {
      const value = isRecord(instance) ? instance[name] : instance;
      const where = isRecord(instance) ? `${at}/${pointerPart(name)}` : at;
      const complaint = measure(value, shape, sizes, where);
      if (complaint) return [complaint];
    }
    return [];
  }

  private warn(instance: unknown, at: string, warnings: InputWarning[]): void {
    if (this.version.input.kind !== 'tabular' || this.isPreprocessed) return;
    this.version.input.fields.forEach((field, i) => {
      if (!isNumberField(field)) return;
      const short = Array.isArray(instance);
      const value = short ? (instance as Row[string][])[i] : (instance as Row)[field.name];
      const message = typeof value === 'number' ? rangeComplaint(field, value) : null;
      if (message !== null && warnings.length < MAX_WARNINGS) {
        warnings.push({ pointer: `${at}/${short ? String(i) : pointerPart(field.name)}`, message });
      }
    });
  }
}

type Row = Record<string, unknown>;

/** @throws ProblemError of its own for a picture that could be decoded, and is not to be. */
function checkImage(instance: unknown, at: string): PointedError[] {
  if (typeof instance !== 'string') {
    return [{ pointer: at, message: 'must be a string: base64 or data URI' }];
  }
  const complaint = imageComplaint(instance);
  if (complaint === null) return [];
  const errors = [{ pointer: at, message: complaint.message }];
  if (complaint.code === 'invalid-input') return errors;
  throw new ProblemError(complaint.code, 'Send another picture; see errors.', { errors });
}

function rangeComplaint(field: NumberField, value: number): string | null {
  const { minimum = -Infinity, maximum = Infinity, name, unit } = field;
  if (value >= minimum && value <= maximum) return null;
  const units = unit === undefined ? '' : ` ${unit}`;
  return `${name} is outside the range the model was made for, ${String(minimum)} to ${String(maximum)}${units}`;
}

function pointed(at: string, errors: ErrorObject[] | null | undefined): PointedError[] {
  return (errors ?? []).slice(0, MAX_POINTED_ERRORS).map((error) => ({
    pointer: `${at}${error.instancePath}${missing(error)}`,
    message: message(error),
  }));
}

/** Points at the field that is missing or too many, not at the object around it. */
function missing({ keyword, params }: ErrorObject): string {
  if (keyword === 'required') return `/${pointerPart(String(params['missingProperty']))}`;
  if (keyword === 'additionalProperties')
    return `/${pointerPart(String(params['additionalProperty']))}`;
  return '';
}

function message(error: ErrorObject): string {
  switch (error.keyword) {
    case 'required':
      return 'is missing';
    case 'additionalProperties':
      return 'is not a field of this model';
    case 'format':
      return `must fit ${String(error.params['format'])}`;
    case 'pattern':
      if (error.params['pattern'] !== WELL_FORMED) break;
      return 'must be well-formed Unicode, without lone surrogates';
    case 'enum':
      return `must be one of ${(error.params['allowedValues'] as unknown[]).map((v) => JSON.stringify(v)).join(', ')}`.slice(
        0,
        500,
      );
  }
  return error.message ?? 'is not valid';
}
