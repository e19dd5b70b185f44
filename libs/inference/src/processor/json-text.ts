import { ProcessingError } from '../errors.js';

/** What a `postprocess` returned, as JSON. @throws ProcessingError for what JSON cannot say. */
export function jsonText(value: unknown): string {
  // It is undefined for undefined, functions and symbols, whatever its type says.
  const text = JSON.stringify(value, sayable) as string | undefined;
  if (text === undefined) throw new ProcessingError('postprocess returned nothing');
  return text;
}

/** JSON.stringify alone would make null of them. */
function sayable(name: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    const where = name === '' ? '' : ` as ${name}`;
    throw new ProcessingError(`postprocess returned ${String(value)}${where}`);
  }
  return typeof value === 'string' ? value.toWellFormed() : value;
}
