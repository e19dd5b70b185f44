/**
 * Every error a client can meet: one catalogue of code, HTTP status, title and whether the same
 * request may succeed later. `docs/reference/problems.md` explains each to its reader.
 */
export const PROBLEMS = {
  'invalid-json': { status: 400, title: 'The body is not valid JSON', retryable: false },
  'bad-request': { status: 400, title: 'The request is malformed', retryable: false },
  unauthorized: { status: 401, title: 'A valid API key is needed', retryable: false },
  forbidden: { status: 403, title: 'The API key does not have the scope', retryable: false },
  'not-found': { status: 404, title: 'There is nothing here', retryable: false },
  'model-not-found': { status: 404, title: 'No such model', retryable: false },
  'version-not-found': { status: 404, title: 'No such model version', retryable: false },
  'job-not-found': { status: 404, title: 'No such job', retryable: false },
  'delivery-not-found': { status: 404, title: 'No such delivery', retryable: false },
  'receiver-not-found': { status: 404, title: 'No such receiver', retryable: false },
  'key-not-found': { status: 404, title: 'No such API key', retryable: false },
  'webhook-not-found': { status: 404, title: 'There is no default webhook', retryable: false },
  'method-not-allowed': {
    status: 405,
    title: 'The path does not have this method',
    retryable: false,
  },
  'not-acceptable': { status: 406, title: 'There is no answer of that type', retryable: false },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to come in',
    retryable: true,
  },
  'job-ended': { status: 409, title: 'The job has ended already', retryable: false },
  'job-not-retryable': { status: 409, title: 'The job cannot be retried', retryable: false },
  'secret-configured': {
    status: 409,
    title: 'The webhook secret is a setting',
    retryable: false,
  },
  canceled: { status: 409, title: 'The job was canceled', retryable: false },
  'job-gone': { status: 410, title: 'The job is kept no longer', retryable: false },
  'job-lost': { status: 410, title: 'The job may be lost', retryable: false },
  'precondition-failed': { status: 412, title: 'It has changed meanwhile', retryable: false },
  'payload-too-large': { status: 413, title: 'The body is too large', retryable: false },
  'uri-too-long': { status: 414, title: 'The URL is too long', retryable: false },
  'unsupported-media-type': { status: 415, title: 'Unsupported content type', retryable: false },
  'invalid-request': { status: 422, title: 'The request does not validate', retryable: false },
  'invalid-input': { status: 422, title: 'The input does not fit the model', retryable: false },
  'idempotency-mismatch': {
    status: 422,
    title: 'The idempotency key was used for another request',
    retryable: false,
  },
  'url-forbidden': { status: 422, title: 'That URL may not be called', retryable: false },
  'rate-limited': { status: 429, title: 'Too many requests', retryable: true },
  'too-many-queued': { status: 429, title: 'Too many jobs are queued', retryable: true },
  'too-many-bytes': { status: 429, title: 'Too many bytes are under way', retryable: true },
  'too-many-connections': {
    status: 429,
    title: 'Too many requests are held open',
    retryable: true,
  },
  'headers-too-large': { status: 431, title: 'The headers are too large', retryable: false },
  'inference-failed': { status: 500, title: 'The model failed on this input', retryable: false },
  'processing-failed': {
    status: 500,
    title: "The model's processor.mjs failed on this input",
    retryable: false,
  },
  'execution-timeout': { status: 504, title: 'The job ran too long', retryable: false },
  'queue-timeout': { status: 504, title: 'The job was not started in time', retryable: true },
  'input-fetch-failed': {
    status: 502,
    title: 'The file of an instance could not be fetched',
    retryable: true,
  },
  'input-lost': { status: 500, title: 'The input of the job is lost', retryable: false },
  poisoned: { status: 500, title: 'This input stops the model process', retryable: false },
  'internal-error': { status: 500, title: 'Something went wrong here', retryable: true },
  'model-unavailable': { status: 503, title: 'The model cannot be served', retryable: true },
  'not-ready': { status: 503, title: 'The service is not ready', retryable: true },
  overloaded: { status: 503, title: 'There is too much to do', retryable: true },
  'acceptance-unknown': {
    status: 503,
    title: 'It is not known whether the job was accepted',
    retryable: true,
  },
  'queue-unavailable': { status: 503, title: 'The job store is out of reach', retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** So that a body that is wrong in a million places costs no more than one that is wrong in a few. */
export const MAX_POINTED_ERRORS = 20;

/** What is wrong at one place of the body. `pointer` is a JSON Pointer (RFC 6901) into the body. */
export interface PointedError {
  pointer: string;
  message: string;
}

/** An error as it stands on a job: the problem without the parts that belong to an HTTP exchange. */
export interface JobProblem {
  type: string;
  code: ProblemCode;
  title: string;
  detail: string;
  retryable: boolean;
}

/** The error that libs throw; one filter of the api turns it into `application/problem+json`. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly errors: readonly PointedError[] | undefined;
  readonly retryAfterS: number | undefined;

  /** @param detail tells the client what to do; never a path, a stack or another tenant's data. */
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    options: { errors?: readonly PointedError[]; retryAfterS?: number; cause?: unknown } = {},
  ) {
    super(`${code}: ${detail}`, { cause: options.cause });
    this.errors = options.errors;
    this.retryAfterS = options.retryAfterS;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** The stable, relative URI that names a kind of problem; the api answers it with its description. */
export function problemType(code: ProblemCode): string {
  return `/problems/${code}`;
}

/** A problem in the form it has on a job or on one of its instances. */
export function jobProblem(code: ProblemCode, detail: string): JobProblem {
  const { title, retryable } = PROBLEMS[code];
  return { type: problemType(code), code, title, detail, retryable };
}
