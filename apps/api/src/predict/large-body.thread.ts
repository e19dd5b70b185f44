// The thread that large bodies are read and checked in; see LargeBodies.
import { isDeepStrictEqual } from 'node:util';
import {
  digestOfLines,
  instanceLines,
  isRecord,
  MAX_INSTANCES,
  ProblemError,
  type VersionDescription,
} from '#libs/contracts';
import { InputValidator } from '#libs/models';
import { jsonText, parseJson } from '../http/json.js';
import { type CheckedInput, checkInput } from './checked.input.js';
import { areColumns, checkedInColumns, ColumnInput } from './column.input.js';
import { checkCsv } from './csv.rows.js';

/** A body without its instances, which come as lines. */
export interface ReadBody {
  /** Null where the body is no object. */
  fields: Record<string, unknown> | null;
  /** Undefined where there is nothing that could be instances. */
  instances: (LargeLines & { name: 'input' | 'inputs' }) | undefined;
}

/** See LargeInput. */
export interface LargeLines {
  lines: string;
  count: number;
  inColumns: boolean;
}

export interface CheckTask {
  version: VersionDescription;
  lines: string;
  inColumns: boolean;
  many: boolean;
  parameters: unknown;
}

export interface CheckCsvTask {
  version: VersionDescription;
  csv: Uint8Array;
  parameters: unknown;
}

/** What a thread answers: errors do not come through as what they are. */
export type Outcome<T> =
  { value: T } | { refused: Pick<ProblemError, 'code' | 'detail' | 'errors' | 'retryAfterS'> };

/** Most that the fields beside the input may take: they do go to the event loop as values. */
const MAX_FIELDS_LENGTH = 256 * 1024;

export function read(body: Uint8Array): Outcome<ReadBody> {
  return outcome(() => {
    const fields = parseJson(jsonText(Buffer.from(body.buffer, body.byteOffset, body.length)));
    // It will be refused, whatever it holds.
    if (!isRecord(fields)) return { fields: null, instances: undefined };
    const instances = takeInstances(fields);
    if (JSON.stringify(fields).length > MAX_FIELDS_LENGTH) {
      throw new ProblemError('payload-too-large', 'Send less beside the input.');
    }
    return { fields, instances };
  });
}

export function check(task: CheckTask): Outcome<CheckedInput> {
  const { version, lines, inColumns, many, parameters } = task;
  return outcome(() => {
    const instances = JSON.parse(`[${lines}]`) as unknown[];
    const checkRows = () => checkInput(version, validatorOf(version), instances, many, parameters);
    const checked = inColumns ? checkedInColumns(checkRows) : checkRows();
    return withDigest(version, checked, lines);
  });
}

/** Its rows come as lines. */
export function checkRows({
  version,
  csv,
  parameters,
}: CheckCsvTask): Outcome<CheckedInput & { rows: LargeLines }> {
  return outcome(() => {
    const { rows, ...checked } = checkCsv(version, validatorOf(version), csv, parameters);
    const lines = instanceLines(rows);
    const large = { lines, count: rows.length, inColumns: false };
    return { ...withDigest(version, checked, lines), rows: large };
  });
}

function withDigest<T extends CheckedInput>(
  version: VersionDescription,
  checked: T,
  lines: string,
): T {
  return version.cache_ttl_s === undefined ? checked : { ...checked, lines: digestOfLines(lines) };
}

function takeInstances(fields: Record<string, unknown>): ReadBody['instances'] {
  const { input, inputs } = fields;
  // Both, or neither: it will be refused, whatever they are.
  if ((input === undefined) === (inputs === undefined || inputs === null)) {
    for (const name of ['input', 'inputs']) if (name in fields) fields[name] = [null];
    return undefined;
  }
  if (input !== undefined) {
    delete fields['input'];
    return { name: 'input', lines: instanceLines([input]), count: 1, inColumns: false };
  }
  if (areColumns(inputs)) {
    const { rows } = ColumnInput.from(inputs);
    delete fields['inputs'];
    return { name: 'inputs', lines: instanceLines(rows), count: rows.length, inColumns: true };
  }
  if (!Array.isArray(inputs)) {
    fields['inputs'] = false;
    return undefined;
  }
  delete fields['inputs'];
  const lines = inputs.length > MAX_INSTANCES ? '' : instanceLines(inputs);
  return { name: 'inputs', lines, count: inputs.length, inColumns: false };
}

/** By model and version. */
const validators = new Map<string, { version: VersionDescription; validator: InputValidator }>();

function validatorOf(version: VersionDescription): InputValidator {
  const name = `${version.model}/${version.version}`;
  const known = validators.get(name);
  if (known && isDeepStrictEqual(known.version, version)) return known.validator;
  const validator = new InputValidator(version);
  validators.set(name, { version, validator });
  return validator;
}

function outcome<T>(run: () => T): Outcome<T> {
  try {
    return { value: run() };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const { code, detail, errors, retryAfterS } = error;
    return { refused: { code, detail, errors, retryAfterS } };
  }
}
