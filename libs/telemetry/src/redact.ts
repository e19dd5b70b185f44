const SECRET_KEYS = new Set([
  'authorization',
  'input',
  'inputs',
  'secret',
  'secretAccessKey',
  'secrets',
  'sessionToken',
  'webhook',
]);
const CENSOR = '[redacted]';

/**
 * A log line's fields without values that must never stand in a log: those of secret names, and
 * `authorization` one level down, as in headers. Not pino's `redact`, whose wildcard for the latter took
 * as long as the rest of the line.
 * @param fields not mutated.
 */
export function redacted(fields: Record<string, unknown>): Record<string, unknown> {
  let safe = fields;
  for (const [name, value] of Object.entries(fields)) {
    if (SECRET_KEYS.has(name)) safe = { ...safe, [name]: CENSOR };
    else if (typeof value === 'object' && value !== null && 'authorization' in value) {
      safe = { ...safe, [name]: { ...value, authorization: CENSOR } };
    }
  }
  return safe;
}
