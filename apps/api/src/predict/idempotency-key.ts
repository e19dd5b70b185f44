import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { isRecord, ProblemError } from '#libs/contracts';
import type { PredictDto } from './predict.dto.js';

/** Printable ASCII. */
const KEY = /^[ -~]{1,255}$/;

/**
 * The `Idempotency-Key` of a request.
 * @throws ProblemError `invalid-request` for one that is empty, too long, not printable, or there twice.
 */
export function idempotencyKeyOf({ headers, raw }: FastifyRequest): string | undefined {
  if (headers['idempotency-key'] === undefined) return undefined;
  // Fastify's headers have a repeated one as a single text, with a comma that a key may have as well.
  const [key = '', ...more] = raw.headersDistinct['idempotency-key'] ?? [];
  if (more.length === 0 && KEY.test(key)) return key;
  throw new ProblemError('invalid-request', 'Send one Idempotency-Key, or none.', {
    errors: [
      {
        pointer: '',
        message:
          more.length > 0
            ? 'the header Idempotency-Key is there more than once'
            : 'the header Idempotency-Key must be 1 to 255 printable ASCII characters',
      },
    ],
  });
}

/**
 * Digest of all that a submission asks for. Its fields may come in any order, but not those within an instance:
 * who sends a request again sends the same text, and sorting a large input would hold up everybody else.
 * @param version undefined where none is asked for. @param input as `inputText` makes it.
 */
export function fingerprintOf(
  model: string,
  version: string | undefined,
  body: PredictDto,
  input: string,
): string {
  const many = body.inputs !== undefined;
  // The text of the input has the parameters in it.
  const inText = { input: undefined, inputs: undefined, parameters: undefined };
  const others = Object.assign({}, body, inText, { model, version, many });
  // JSON has no raw newline, so that nothing of it can pass for input.
  const text = `${JSON.stringify(others, sortFields)}\n${input}`;
  return createHash('sha256').update(text).digest('base64url');
}

function sortFields(_name: string, value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
