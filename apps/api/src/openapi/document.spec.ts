import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Redis } from 'ioredis';
import { loadConfig } from '#libs/config';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { ApiModule } from '../api.module.js';
import { createDocument } from './document.js';
import { operationsOf, scopeOf } from './operations.js';

describe('the OpenAPI document', () => {
  const connections = jest.spyOn(Redis.prototype, 'connect');
  const routes: string[] = [];
  let redis: TestRedis;
  let app: INestApplication;
  let document: OpenAPIObject;

  beforeAll(async () => {
    redis = await startTestRedis();
    const config = loadConfig({ REDIS_URL: redis.url, MAX_RESULT_TTL_S: '1234' });
    const adapter = new FastifyAdapter();
    app = await NestFactory.create<NestFastifyApplication>(ApiModule.forRoot(config), adapter, {
      logger: false,
    });
    adapter.getInstance().addHook('onRoute', ({ url, method }) => {
      const path = url.replace(/:(\w+)/g, '{$1}');
      for (const name of [method].flat()) if (name !== 'HEAD') routes.push(`${name} ${path}`);
    });
    await app.init();
    document = createDocument(app, config);
  });

  afterAll(async () => {
    await app.close();
    // The app leaves its connection open for what still drains; it would end with the process.
    const open = (connections.mock.contexts as Redis[]).filter(({ status }) => status === 'ready');
    for (const connection of open) connection.disconnect();
    await redis.stop();
  });

  const schemaOf = (name: string) => document.components?.schemas?.[name];

  it('has all routes, and no other', () => {
    const documented = operationsOf(document).map((o) => `${o.method.toUpperCase()} ${o.path}`);
    expect(documented.sort()).toEqual(routes.sort());
  });

  it('gives every operation an id of its own that code can be made from', () => {
    const ids = operationsOf(document).map(({ operation }) => operation.operationId ?? '');
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z]+([A-Z][a-z]+)*$/.test(id))).toEqual([]);
  });

  it('refers to nothing that is not there, and its schemas are schemas', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema(document, 'document');
    for (const name of Object.keys(document.components?.schemas ?? {})) {
      expect(() => ajv.compile({ $ref: `document#/components/schemas/${name}` })).not.toThrow();
    }
    for (const reference of referencesIn(document)) {
      const target = reference
        .slice(2)
        .split('/')
        .reduce(
          (node: unknown, key) => (node as Record<string, unknown> | undefined)?.[key],
          document,
        );
      expect([reference, typeof target]).toEqual([reference, 'object']);
    }
  });

  it('says of every answer that it has a request id, and of every refusal that it is a problem', () => {
    for (const { path, responses } of operationsOf(document)) {
      for (const [status, { headers, content, description }] of Object.entries(responses)) {
        expect(Object.keys(headers ?? {})).toContain('X-Request-ID');
        expect(description).not.toBe('');
        if (Number(status) < 400 || path === '/health') continue;
        expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
      }
    }
  });

  it('asks for a key exactly where one is needed', () => {
    const open = operationsOf(document).filter(({ responses }) => !responses['401']);
    expect(open.map(({ path }) => path)).toEqual([
      '/health',
      '/health/live',
      '/health/ready',
      '/problems/{code}',
    ]);
    expect(open.map(({ operation }) => operation.security)).toEqual(open.map(() => []));
  });

  it('names the scope of every operation that needs a key, and only of those', () => {
    for (const { path, method, operation, responses } of operationsOf(document)) {
      const scope = scopeOf(operation);
      const said = operation.description?.includes(`scope \`${scope}\``) ?? false;
      expect([method, path, scope !== null, '403' in responses, said]).toEqual([
        ...[method, path],
        ...Array<boolean>(3).fill('401' in responses),
      ]);
    }
  });

  it('links each job to what can be done with it', () => {
    const ids = operationsOf(document)
      .filter(({ path }) => path.startsWith('/v1/jobs/{id}'))
      .map(({ operation }) => operation.operationId ?? '');
    expect(ids).toContain('getJob');
    const accepted = document.paths['/v1/predict']?.post?.responses['202'];
    expect(Object.keys((accepted as { links: object }).links)).toEqual(ids);
    expect(document.components?.links).toMatchObject({
      getJob: { operationId: 'getJob', parameters: { id: '$response.body#/id' } },
    });
  });

  it('knows the limits that the operator has set', () => {
    expect(schemaOf('PredictRequest')).toMatchObject({
      properties: { result_ttl_s: { maximum: 1234 }, execution_timeout_s: { maximum: 300 } },
    });
  });

  it.each<[object, boolean]>([
    [{ input: 1 }, true],
    [{ inputs: [1, 2] }, true],
    [{ input: 1, inputs: null, priority: null, webhook: null }, true],
    [{}, false],
    [{ inputs: null }, false],
    [{ input: null }, false],
    [{ input: 1, inputs: [1] }, false],
    [{ input: 1, model: 'iris' }, false],
    [{ inputs: [] }, false],
    [{ input: 1, queue_timeout_s: 0 }, false],
    [{ input: 1, priority: 'urgent' }, false],
    [{ input: 1, webhook: { url: 'ftp://example.com' } }, false],
    [{ input: 1, webhook: { events: ['failed'] } }, true],
    [{ input: 1, webhook: {} }, true],
    [{ input: 1, webhook: 'https://example.com' }, false],
    [{ input: 1, webhook: { url: 'https://example.com', secret: 'x' } }, false],
    [{ input: 1, metadata: { '': 'x' } }, false],
  ])('takes the body %j: %p', (body, taken) => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema(document, 'document');
    const validate = ajv.compile({ $ref: 'document#/components/schemas/PredictRequest' });
    expect(validate(body)).toBe(taken);
  });

  it('has files where a form has them', () => {
    const body = document.paths['/v1/models/{model}/predict']?.post?.requestBody;
    expect(body).toMatchObject({
      content: {
        'application/json': { schema: { $ref: '#/components/schemas/PredictRequest' } },
        'multipart/form-data': { schema: { $ref: '#/components/schemas/PredictRequestForm' } },
      },
    });
    const webhook = {
      description: expect.stringContaining('null: none'),
      anyOf: [{ $ref: '#/components/schemas/Webhook' }, { type: 'null' }],
    };
    expect(schemaOf('PredictRequest')).toMatchObject({ properties: { webhook } });
    expect(schemaOf('PredictRequestForm')).toMatchObject({
      properties: { input: { format: 'binary' }, inputs: { items: { format: 'binary' } }, webhook },
    });
  });
});

function referencesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : referencesIn(value),
  );
}
