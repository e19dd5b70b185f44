import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { loadConfig } from '#libs/config';
import { onlyHere, refuseCrossSite } from './board.guards.js';

const REDIS_URL = 'redis://127.0.0.1';
const OWN = { host: 'board.internal:3000' };

describe('refuseCrossSite', () => {
  let fastify: FastifyInstance;

  beforeAll(async () => {
    fastify = Fastify();
    const config = loadConfig({ REDIS_URL, PUBLIC_URL: 'https://foretell.example.com/api' });
    fastify.addHook('onRequest', refuseCrossSite(config));
    fastify.all('/', () => 'done');
    await fastify.ready();
  });

  afterAll(() => fastify.close());

  it.each<[Record<string, string>, number]>([
    [{}, 200],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{ 'sec-fetch-site': 'none' }, 200],
    [{ origin: 'http://board.internal:3000' }, 200],
    [{ origin: 'https://foretell.example.com' }, 200],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': '' }, 403],
    [{ 'sec-fetch-site': 'cross-site', origin: 'http://board.internal:3000' }, 403],
    [{ origin: 'http://board.internal:3001' }, 403],
    [{ origin: 'https://evil.example.com' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: '' }, 403],
  ])('answers a change from %j with %i', async (headers, status) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      const answer = await fastify.inject({ method, url: '/', headers: { ...OWN, ...headers } });
      expect(answer.statusCode).toBe(status);
    }
  });

  it('lets be read from anywhere, as nothing changes', async () => {
    const headers = { ...OWN, 'sec-fetch-site': 'cross-site' };
    expect((await fastify.inject({ url: '/', headers })).statusCode).toBe(200);
  });
});

describe('onlyHere', () => {
  const keys = { required: false };
  const statusFor = async (host: string) => {
    const fastify = Fastify();
    fastify.addHook('onRequest', onlyHere(keys));
    fastify.get('/', () => 'done');
    const { statusCode } = await fastify.inject({ url: '/', headers: { host } });
    await fastify.close();
    return statusCode;
  };

  it.each([
    ['localhost:3000', 200],
    ['127.0.0.1:3000', 200],
    ['[::1]:3000', 200],
    ['foretell.example.com', 403],
    ['127.0.0.1.evil.example.com', 403],
    ['10.0.0.1:3000', 403],
  ])('answers a request to %s with %i', async (host, status) => {
    expect(await statusFor(host)).toBe(status);
  });

  it('lets nobody in from the moment on that there are keys', async () => {
    keys.required = true;
    expect(await statusFor('localhost')).toBe(403);
  });
});
