import type { AttemptOutcome } from '#libs/contracts';
import { OutboundForbidden } from './outbound-forbidden.js';

/** So that a message that repeats a long host fills no log. */
const MAX_LENGTH = 200;

const OTHER = 'the call failed';

const TIMEOUTS: Record<string, string> = {
  TimeoutError: 'no answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  ETIMEDOUT: 'no connection in time',
  ETIMEOUT: 'the name servers did not answer in time',
};

/** A call that fails with one of these may succeed a moment later. */
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ESERVFAIL',
  'EREFUSED',
]);

/** What this process, or its machine, has run out of: nothing that the other side did. */
const OWN = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

const BROKEN: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was closed before an answer',
  EPIPE: 'the connection was closed before an answer',
  UND_ERR_SOCKET: 'the connection was closed before an answer',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the host',
  ENOTFOUND: 'the name does not exist',
  ENODATA: 'the name has no address',
  ESERVFAIL: 'the name servers could not tell the address',
  EREFUSED: 'the name servers could not tell the address',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too long',
};

/**
 * What came of an attempt that got no answer, in words of our own or the code of the error: messages may hold
 * addresses of the inside, or parts of the URL.
 */
export function failureOf(thrown: unknown): { outcome: AttemptOutcome; error: string } {
  const chain = chainOf(thrown);
  const forbidden = chain.find((error) => error instanceof OutboundForbidden);
  if (forbidden) return { outcome: 'forbidden', error: forbidden.message.slice(0, MAX_LENGTH) };
  const codes = codesOf(chain);
  const timeout = codes.find((code) => code in TIMEOUTS);
  if (timeout !== undefined) return { outcome: 'timed-out', error: TIMEOUTS[timeout] ?? timeout };
  // Those of TLS and of the HTTP parser tell enough: CERT_HAS_EXPIRED, HPE_INVALID_CONSTANT.
  const code = chain.map((error) => error.code).find((c) => typeof c === 'string');
  return { outcome: 'unreachable', error: code === undefined ? OTHER : (BROKEN[code] ?? code) };
}

/** Whether a call that was kept from an answer by this may get one a moment later. */
export function mayPass(thrown: unknown): boolean {
  return codesOf(chainOf(thrown)).some((code) => code in TIMEOUTS || PASSING.has(code));
}

/** Whether it was never sent, for want of file descriptors or memory here. */
export function isOwnTrouble(thrown: unknown): boolean {
  return codesOf(chainOf(thrown)).some((code) => OWN.has(code));
}

function codesOf(chain: readonly Caught[]): string[] {
  return chain.flatMap(({ name, code }) => [name, code]).filter((c) => typeof c === 'string');
}

interface Caught {
  name?: unknown;
  code?: unknown;
  message: string;
  cause?: unknown;
}

/** An error and its causes, outermost first. */
function chainOf(thrown: unknown): Caught[] {
  const chain: Caught[] = [];
  for (let at = thrown; isError(at) && !chain.includes(at); at = at.cause) chain.push(at);
  return chain;
}

function isError(thrown: unknown): thrown is Caught {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown;
}
