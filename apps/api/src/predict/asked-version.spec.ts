import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { pointedErrorsOf } from '#libs/testing';
import { askedVersion } from './asked-version.js';

const of = (query: object, params: object = {}) => ({ query, params }) as FastifyRequest;

describe('askedVersion', () => {
  it('is named by path, body or query, or by none', () => {
    expect(askedVersion(of({}), undefined)).toBeUndefined();
    expect(askedVersion(of({ other: '1' }), '2')).toBe('2');
    expect(askedVersion(of({ model_version: '3' }), undefined)).toBe('3');
    expect(askedVersion(of({ model_version: 'canary' }), undefined)).toBe('canary');
    expect(askedVersion(of({ model_version: '2' }), '2')).toBe('2');
  });

  it.each(['', 'latest', '0', '01', '1.0', 'Stable', ['1', '1']])('refuses %j', (model_version) => {
    for (const named of [undefined, '1']) {
      const errors = pointedErrorsOf(() => askedVersion(of({ model_version }), named));
      expect(errors).toMatchObject([{ pointer: '' }]);
    }
  });

  it('refuses two that are not the same, and says where', () => {
    const query = { model_version: '2' };
    const inBody = pointedErrorsOf(() => askedVersion(of(query, { model: 'iris' }), 'stable'));
    expect(inBody).toMatchObject([{ pointer: '/version' }]);
    const inPath = pointedErrorsOf(() => askedVersion(of(query, { version: '1' }), '1'));
    expect(inPath).toMatchObject([{ pointer: '' }]);
  });
});
