import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { codeOf } from '#libs/testing';
import { etagOf, revisionToMatch } from './if-match.js';

const of = (text?: string) => ({ headers: { 'if-match': text } }) as unknown as FastifyRequest;

describe('revisionToMatch', () => {
  it('is that of the ETag that was given', () => {
    for (const revision of [0, 1, 17]) expect(revisionToMatch(of(etagOf(revision)))).toBe(revision);
  });

  it.each([undefined, '*', ' * '])('is any by %p', (text) => {
    expect(revisionToMatch(of(text))).toBeUndefined();
  });

  it.each([
    ['"x"', 'precondition-failed'],
    ['""', 'precondition-failed'],
    ['"-1"', 'precondition-failed'],
    ['W/"1"', 'precondition-failed'],
    ['1', 'bad-request'],
    ['"1", "2"', 'bad-request'],
    ['', 'bad-request'],
  ])('refuses %p as %s', (text, code) => {
    expect(codeOf(() => revisionToMatch(of(text)))).toBe(code);
  });
});
