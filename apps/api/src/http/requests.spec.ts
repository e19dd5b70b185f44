import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { loadConfig } from '#libs/config';
import { pointedErrorsOf } from '#libs/testing';
import { callerOf } from './caller.js';
import { bodyFromParts, checkBoundary, isMultipart } from './multipart.js';
import { newRequestId } from './request.hooks.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const requestIdOf = (given?: string) => newRequestId({ headers: { 'x-request-id': given } });

describe('newRequestId', () => {
  it.each(['a', 'req_1.2:3-4', 'x'.repeat(128)])('takes over %p', (given) => {
    expect(requestIdOf(given)).toBe(given);
  });

  it.each([undefined, '', 'a b', 'a\nb', 'é', '<script>', 'a,b', 'x'.repeat(129), '${jndi:x}'])(
    'makes its own instead of %p',
    (given) => {
      expect(requestIdOf(given)).toMatch(UUID);
      expect(requestIdOf(given)).not.toBe(requestIdOf(given));
    },
  );
});

describe('a multipart body', () => {
  const file = Buffer.from('image');

  it.each(['multipart/form-data; boundary=x', 'Multipart/Form-Data; boundary=x'])(
    'is told by the type %s',
    (type) => {
      const request = { headers: { 'content-type': type } } as FastifyRequest;
      expect(isMultipart(request)).toBe(true);
    },
  );

  it('stands for the JSON body with its files in base64', () => {
    expect(bodyFromParts({ input: file, model: 'digits', version: '1' })).toEqual({
      input: 'aW1hZ2U=',
      model: 'digits',
      version: '1',
    });
    expect(bodyFromParts({ inputs: [file, 'text'] })).toEqual({ inputs: ['aW1hZ2U=', 'text'] });
    expect(bodyFromParts({ inputs: file })).toEqual({ inputs: ['aW1hZ2U='] });
  });

  it.each([
    ['multipart/form-data; boundary=x', true],
    ['multipart/form-data;charset=utf-8; Boundary="x y"; a=b', true],
    ['multipart/form-data', false],
    ['multipart/form-data; boundary=', false],
    ['multipart/form-data; boundary=""', false],
    [`multipart/form-data; boundary=${'x'.repeat(300)}`, false],
    ['multipart/form-data; notboundary=x', false],
  ])('of the type %s has a usable boundary: %p', (type, usable) => {
    const check = () => {
      checkBoundary({ headers: { 'content-type': type } } as FastifyRequest);
    };
    if (usable) expect(check).not.toThrow();
    else expect(check).toThrow('bad-request');
  });

  it('may have parts that say that they are JSON', () => {
    const parts = { parameters: { top_k: 3 }, result_ttl_s: 60 };
    expect(bodyFromParts(parts)).toEqual(parts);
  });

  it('has its other fields in JSON', () => {
    const body = bodyFromParts({
      parameters: '{"top_k":3}',
      metadata: '{}',
      webhook: '{"url":"https://x"}',
      result_ttl_s: '60',
    });
    expect(body).toEqual({
      parameters: { top_k: 3 },
      metadata: {},
      webhook: { url: 'https://x' },
      result_ttl_s: 60,
    });
  });

  it.each(['parameters', 'metadata', 'webhook', 'result_ttl_s', 'cancel_on_disconnect'])(
    'points at %s',
    (name) => {
      expect(pointedErrorsOf(() => bodyFromParts({ [name]: '{' }))).toEqual([
        { pointer: `/${name}`, message: 'must be JSON' },
      ]);
    },
  );

  it('may be empty', () => {
    expect(bodyFromParts(undefined)).toEqual({});
  });
});

describe('callerOf', () => {
  const config = (env: NodeJS.ProcessEnv) => loadConfig({ REDIS_URL: 'redis://x', ...env });
  const request = (headers: Record<string, string>) =>
    ({ headers, id: 'r', protocol: 'http', host: 'h:1' }) as unknown as FastifyRequest;
  const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

  it('is reached as the request came in, unless the operator says otherwise', () => {
    expect(callerOf(request({}), config({})).baseUrl).toBe('http://h:1');
    const publicUrl = config({ PUBLIC_URL: 'https://example.com/' });
    expect(callerOf(request({}), publicUrl).baseUrl).toBe('https://example.com');
  });

  it('passes on a traceparent only if it is one', () => {
    expect(callerOf(request({ traceparent: trace }), config({})).traceparent).toBe(trace);
    expect(callerOf(request({ traceparent: `${trace}x` }), config({})).traceparent).toBeUndefined();
  });
});
