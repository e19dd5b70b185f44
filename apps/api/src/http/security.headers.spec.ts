import { afterEach, describe, expect, it } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { loadConfig } from '#libs/config';
import { allowOrigins } from './cross-origin.js';
import { refuseOtherMethods, watchPaths } from './other-methods.js';
import { addSecurityHeaders } from './security.headers.js';

const REDIS_URL = 'redis://127.0.0.1';
const APP = 'https://app.example.com';

let fastify: FastifyInstance | undefined;

afterEach(() => fastify?.close());

async function apiWith(settings: NodeJS.ProcessEnv = {}): Promise<FastifyInstance> {
  const api = (fastify = Fastify());
  const config = loadConfig({ REDIS_URL, ...settings });
  await addSecurityHeaders(api, config);
  await allowOrigins(api, config);
  const paths = watchPaths(api);
  api.get('/v1/jobs', (_request, reply) => reply.header('retry-after', '1').send({ ok: true }));
  api.get('/docs', (_request, reply) => reply.type('text/html').send('<p>'));
  api.get('/docs-json', () => ({ ok: true }));
  refuseOtherMethods(api, paths);
  return api;
}

describe('security headers', () => {
  it('keep what the api answers from doing anything in a browser', async () => {
    const api = await apiWith();
    for (const url of ['/v1/jobs', '/docs-json', '/nowhere']) {
      const { headers } = await api.inject(url);
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none';frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
      expect(headers['content-type']).toContain('application/json');
      expect(headers['content-length']).not.toBe('0');
    }
  });

  it('let pages run the scripts of this api alone', async () => {
    const { headers } = await (await apiWith()).inject('/docs');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("script-src 'self';");
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/https:|unsafe-eval|script-src[^;]*unsafe/);
  });

  it.each([
    ['https://foretell.example.com', 'max-age=31536000'],
    ['http://foretell.example.com', undefined],
    ['', undefined],
  ])('of an api at %p say of https: %p', async (PUBLIC_URL, expected) => {
    const api = await apiWith({ PUBLIC_URL });
    for (const url of ['/v1/jobs', '/docs']) {
      const { headers } = await api.inject(url);
      expect(headers['strict-transport-security']).toBe(expected);
    }
  });
});

describe('pages of other origins', () => {
  const preflight = (origin: string) => ({
    method: 'OPTIONS' as const,
    url: '/v1/jobs',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });

  it('may read nothing unless a setting says so', async () => {
    const api = await apiWith();
    const { headers, statusCode } = await api.inject({ url: '/v1/jobs', headers: { origin: APP } });
    expect(statusCode).toBe(200);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await api.inject(preflight(APP))).headers).not.toHaveProperty(
      'access-control-allow-origin',
    );
  });

  it('may where it names them, without credentials', async () => {
    const api = await apiWith({ CORS_ORIGINS: `${APP}, http://localhost:5173` });
    for (const origin of [APP, 'http://localhost:5173']) {
      const { headers, statusCode } = await api.inject(preflight(origin));
      expect([statusCode, headers['access-control-allow-origin']]).toEqual([204, origin]);
      expect(headers['access-control-allow-headers']).toContain('Authorization');
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
    const { headers } = await api.inject({ url: '/v1/jobs', headers: { origin: APP } });
    expect(headers['access-control-expose-headers']).toContain('Retry-After');
    expect(headers.vary).toContain('Origin');
    for (const origin of ['https://evil.example.com', 'https://app.example.com.evil.com', 'null']) {
      const answer = await api.inject(preflight(origin));
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it('leave other methods and unknown paths as they are', async () => {
    const api = await apiWith({ CORS_ORIGINS: APP });
    const { statusCode, headers } = await api.inject({ method: 'DELETE', url: '/v1/jobs' });
    expect([statusCode, headers.allow]).toEqual([expect.any(Number), 'GET, HEAD']);
    expect((await api.inject('/nowhere')).statusCode).toBe(404);
    expect((await api.inject({ method: 'POST', url: '/nowhere' })).statusCode).toBe(404);
  });
});
