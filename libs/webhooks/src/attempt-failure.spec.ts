import { describe, expect, it } from '@jest/globals';
import { failureOf, isOwnTrouble } from './attempt-failure.js';
import { OutboundForbidden } from './outbound-forbidden.js';

const withCode = (code: string, cause?: unknown) =>
  Object.assign(new Error('GET /secret-path?token=1 at 10.0.0.7', { cause }), { code });

describe('failureOf', () => {
  it('finds what is forbidden wherever it was wrapped', () => {
    const forbidden = new OutboundForbidden('x leads to an address that is not public');
    for (const error of [forbidden, withCode('ECONNRESET', new Error('y', { cause: forbidden }))]) {
      expect(failureOf(error)).toEqual({ outcome: 'forbidden', error: forbidden.message });
    }
    expect(failureOf(new OutboundForbidden('x'.repeat(5000))).error).toHaveLength(200);
  });

  it.each([
    withCode('UND_ERR_CONNECT_TIMEOUT'),
    withCode('UND_ERR_HEADERS_TIMEOUT'),
    withCode('ETIMEDOUT'),
    withCode('ETIMEOUT'),
    withCode('UND_ERR_SOCKET', withCode('ETIMEDOUT')),
    new DOMException('The operation was aborted due to timeout', 'TimeoutError'),
  ])('takes %p for a timeout', (error) => {
    expect(failureOf(error)).toEqual({
      outcome: 'timed-out',
      error: expect.stringMatching(/in time$/),
    });
  });

  it.each([
    [withCode('ECONNREFUSED'), 'the connection was refused'],
    [withCode('CERT_HAS_EXPIRED'), 'CERT_HAS_EXPIRED'],
    [new Error('secret'), 'the call failed'],
    ['secret', 'the call failed'],
    [undefined, 'the call failed'],
  ])('takes %p for no connection, and repeats no message', (error, text) => {
    expect(failureOf(error)).toEqual({ outcome: 'unreachable', error: text });
  });

  it('bears an error that is its own cause', () => {
    const error = withCode('EPIPE');
    error.cause = error;
    expect(failureOf(error).outcome).toBe('unreachable');
  });
});

describe('isOwnTrouble', () => {
  it.each([
    ['EMFILE', true],
    ['ENFILE', true],
    ['ENOBUFS', true],
    ['ENOMEM', true],
    ['ECONNREFUSED', false],
    ['ETIMEDOUT', false],
  ])('of %s: %p', (code, own) => {
    expect(isOwnTrouble(withCode(code))).toBe(own);
    expect(isOwnTrouble(new TypeError('fetch failed', { cause: withCode(code) }))).toBe(own);
  });
});
