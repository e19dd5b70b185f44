import type { FastifyMultipartAttachFieldsToBodyOptions, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { MAX_INSTANCES, ProblemError } from '#libs/contracts';
import { CsvInput } from '../predict/csv.input.js';
import { parseJson } from './json.js';

/** Fields of the body that are not plain text; in a form they are JSON. */
const JSON_FIELDS = [
  'parameters',
  'webhook',
  'metadata',
  'cancel_on_disconnect',
  'queue_timeout_s',
  'execution_timeout_s',
  'result_ttl_s',
] as const;

export function multipartOptions(
  bodyLimit: number,
): FastifyMultipartAttachFieldsToBodyOptions & { attachFieldsToBody: 'keyValues' } {
  return {
    attachFieldsToBody: 'keyValues',
    async onFile(part) {
      const bytes = await part.toBuffer();
      if (isCsv(part)) Object.assign(part, { value: new CsvInput(bytes as Buffer<ArrayBuffer>) });
    },
    limits: {
      fileSize: bodyLimit,
      fieldSize: bodyLimit,
      files: MAX_INSTANCES,
      parts: MAX_INSTANCES + 20,
    },
  };
}

/** Programs that do not know the type of a file send it as any. */
function isCsv({ mimetype, filename }: Pick<MultipartFile, 'mimetype' | 'filename'>): boolean {
  return mimetype === 'text/csv' || /\.csv$/i.test(filename);
}

/** RFC 2046 allows 70 characters; the parser fails on one that is missing or very long. */
const BOUNDARY = /;\s*boundary=("[^"]{1,70}"|[^\s;"]{1,70})\s*(;|$)/i;

export function isMultipart(request: FastifyRequest): boolean {
  return /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '');
}

/** @throws ProblemError `bad-request` for a form whose parts cannot be told from each other. */
export function checkBoundary(request: FastifyRequest): void {
  if (BOUNDARY.test(request.headers['content-type'] ?? '')) return;
  throw new ProblemError('bad-request', 'A multipart Content-Type must name its boundary.');
}

/**
 * The JSON body that a form stands for: one file named `input` is one instance, files named `inputs` are
 * several, and so are the rows of one CSV file of that name; other fields are what they are in JSON.
 * @throws ProblemError `invalid-request` for a field that should be JSON and is not.
 */
export function bodyFromParts(parts: unknown): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [name, value] of Object.entries((parts ?? {}) as Record<string, unknown>)) {
    if (name === 'inputs' && value instanceof CsvInput) body[name] = value;
    else if (name === 'inputs') body[name] = (Array.isArray(value) ? value : [value]).map(instance);
    else if (name === 'input') body[name] = instance(value);
    else body[name] = isJsonField(name) ? parse(name, value) : value;
  }
  return body;
}

/** Files stay bytes until here; then they travel like an image that came in JSON. */
function instance(value: unknown): unknown {
  if (value instanceof CsvInput) throw misplacedCsv();
  return Buffer.isBuffer(value) ? value.toString('base64') : value;
}

function misplacedCsv(): ProblemError {
  const message = 'has CSV, which goes as a single file named inputs';
  return new ProblemError('invalid-request', 'Send one CSV file; see errors.', {
    errors: [{ pointer: '/inputs', message }],
  });
}

function isJsonField(name: string): boolean {
  return JSON_FIELDS.some((field) => field === name);
}

/** A part that says it is application/json has been parsed already. */
function parse(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return parseJson(value);
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code !== 'invalid-json') throw error;
    throw new ProblemError('invalid-request', `The form field ${name} must be JSON.`, {
      errors: [{ pointer: `/${name}`, message: 'must be JSON' }],
    });
  }
}
