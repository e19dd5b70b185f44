import { describe, expect, it } from '@jest/globals';
import { redacted } from './redact.js';

describe('redacted', () => {
  it.each([
    'authorization',
    'input',
    'inputs',
    'secret',
    'secretAccessKey',
    'secrets',
    'sessionToken',
    'webhook',
  ])('hides %s', (name) => {
    expect(redacted({ job_id: 'j', [name]: 'x' })).toEqual({ job_id: 'j', [name]: '[redacted]' });
    expect(redacted({ [name]: { deep: 'x' } })).toEqual({ [name]: '[redacted]' });
  });

  it('hides the authorization among headers, and nothing else of them', () => {
    const fields = { headers: { authorization: 'Bearer x', host: 'h' }, secret: 's' };
    expect(redacted(fields)).toEqual({
      headers: { authorization: '[redacted]', host: 'h' },
      secret: '[redacted]',
    });
    expect(fields.headers.authorization).toBe('Bearer x');
  });

  it('leaves other lines as they are', () => {
    const fields = { err: new Error('x'), none: null, status: 200, list: [1] };
    expect(redacted(fields)).toBe(fields);
  });
});
