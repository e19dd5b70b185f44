import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { InputWarning, PointedError, VersionDescription } from '#libs/contracts';
import { isRecord, MAX_POINTED_ERRORS, pointerPart, ProblemError } from '#libs/contracts';
import { fits64, inputKind, isPreprocessed, WELL_FORMED } from '#libs/kinds';
import { type FileInput, fileInputOf } from './file-input.js';
import { instanceSchema, parametersSchema, shortInstanceSchema } from './input-schema.js';

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
  /** What the kind of input has to say beyond its schema. */
  private readonly checkFurther: ((instance: unknown, at: string) => PointedError[]) | undefined;
  private readonly warn: ((instance: unknown, at: string) => readonly InputWarning[]) | undefined;

  private readonly files: FileInput | undefined;

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
    const short = shortInstanceSchema(version);
    // What the manifest says of the input is for what a `preprocess` gives, not for what callers send.
    const kind = isPreprocessed(version) ? undefined : inputKind(version.input);
    const ajv = newAjv(kind?.tellsAllErrors ?? false);
    this.named = ajv.compile(named);
    this.short = short && ajv.compile(short);
    this.parameters = ajv.compile(parametersSchema(version));
    this.checkFurther = kind?.checker?.(version);
    this.warn = kind?.warner?.(version);
    this.files = fileInputOf(version);
  }

  /**
   * @param instances what stood in `inputs`, or the one that stood in `input`.
   * @param many whether pointers lead into `/inputs/<i>` or into `/input`.
   * @returns warnings for fields outside their declared range.
   * @throws ProblemError `invalid-input` with pointers into the body, or what the kind of input throws.
   */
  validate(instances: readonly unknown[], many: boolean, parameters: unknown): InputWarning[] {
    const errors: PointedError[] = [];
    if (parameters !== undefined && !this.parameters(parameters)) {
      errors.push(...pointed('/parameters', this.parameters.errors));
    }
    const warnings: InputWarning[] = [];
    for (let i = 0; i < instances.length && errors.length < MAX_POINTED_ERRORS; i++) {
      const at = instanceAt(i, many);
      const found = this.check(instances[i], at);
      if (found.length > 0) errors.push(...found);
      else if (this.warn && warnings.length < MAX_WARNINGS) {
        warnings.push(...this.warn(instances[i], at));
      }
    }
    if (errors.length > 0) {
      throw new ProblemError(
        'invalid-input',
        `The input does not fit ${this.version.model}; see errors. GET /v1/models/${this.version.model} shows its schema.`,
        { errors: errors.slice(0, MAX_POINTED_ERRORS) },
      );
    }
    return warnings.slice(0, MAX_WARNINGS);
  }

  /**
   * What is wrong with an instance that no caller sent. Files are left to the runner, which decodes them anyway.
   * @returns nothing where it fits.
   */
  complaint(instance: unknown): PointedError | undefined {
    try {
      return (this.files ? this.fit(instance, '') : this.check(instance, ''))[0];
    } catch (error) {
      if (error instanceof ProblemError) return error.errors?.[0];
      throw error;
    }
  }

  private check(instance: unknown, at: string): PointedError[] {
    const errors = this.fit(instance, at);
    // What a URL leads to is checked by who fetches it.
    if (errors.length > 0 || this.files?.urlOf(instance) !== undefined) return errors;
    return this.checkFurther?.(instance, at) ?? [];
  }

  private fit(instance: unknown, at: string): PointedError[] {
    const validate = this.short && !isRecord(instance) ? this.short : this.named;
    return validate(instance) ? [] : pointed(at, validate.errors);
  }

  /** Where instances that are valid name their files by URL; `many` is as for `validate`. */
  fileUrls(instances: readonly unknown[], many: boolean): FileUrl[] {
    const { files } = this;
    if (!files) return [];
    return instances.flatMap((instance, i) => {
      const url = files.urlOf(instance);
      if (url === undefined) return [];
      return [{ pointer: files.pointerIn(instance, instanceAt(i, many)), url }];
    });
  }
}

/** A file that an instance names by URL. */
export interface FileUrl {
  /** JSON Pointer into the body. */
  pointer: string;
  url: string;
}

function instanceAt(index: number, many: boolean): string {
  return many ? `/inputs/${String(index)}` : '/input';
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
