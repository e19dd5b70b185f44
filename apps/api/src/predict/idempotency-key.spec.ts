import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { inputText } from '#libs/contracts';
import { pointedErrorsOf } from '#libs/testing';
import { BodyPipe } from './body.pipe.js';
import { fingerprintOf, idempotencyKeyOf } from './idempotency-key.js';
import { PredictAnyDto } from './predict.dto.js';

/** The request as Node has read it from the wire. */
async function received(...keys: string[]): Promise<FastifyRequest> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const headers = keys.length === 0 ? {} : { 'Idempotency-Key': keys };
  const sent = request({ port, host: '127.0.0.1', headers }).end();
  sent.on('error', () => undefined);
  const [raw] = (await once(server, 'request')) as [IncomingMessage];
  server.closeAllConnections();
  server.close();
  return { headers: raw.headers, raw } as unknown as FastifyRequest;
}

describe('idempotencyKeyOf', () => {
  it('is undefined where there is none', async () => {
    expect(idempotencyKeyOf(await received())).toBeUndefined();
  });

  it.each(['1', 'order 17, second', '"quoted"', '~'.repeat(255)])('takes %j', async (key) => {
    expect(idempotencyKeyOf(await received(key))).toBe(key);
  });

  it.each([[''], ['x'.repeat(256)], ['a\tb'], ['caf\u00e9'], ['a', 'a'], ['a', 'b']])(
    'refuses %j',
    async (...keys) => {
      const sent = await received(...keys);
      expect(pointedErrorsOf(() => idempotencyKeyOf(sent))).toEqual([
        { pointer: '', message: expect.stringContaining('the header Idempotency-Key') },
      ]);
    },
  );
});

describe('fingerprintOf', () => {
  const pipe = new BodyPipe(PredictAnyDto);
  function of(json: object, version?: string): string {
    const body = pipe.transform({ model: 'iris', ...json });
    const instances = Array.isArray(body.inputs) ? body.inputs : [body.input];
    const input = inputText(instances, body.parameters);
    return fingerprintOf(body.model, version, body, input);
  }
  const full = {
    input: [1],
    parameters: { top_k: 1 },
    webhook: { url: 'https://example.com', events: ['failed'] },
    priority: 'low',
    queue_timeout_s: 1,
    execution_timeout_s: 2,
    result_ttl_s: 3,
    metadata: { a: '1', b: '2' },
  };

  it('is the same for the same fields in any order, null or left out', () => {
    const { metadata, webhook, ...others } = full;
    const turned = {
      metadata: { b: metadata.b, a: metadata.a },
      webhook: { events: webhook.events, url: webhook.url },
      ...others,
      inputs: null,
    };
    expect(of(turned)).toBe(of(full));
    expect(of({ input: [1], metadata: null })).toBe(of({ input: [1] }));
  });

  it.each<object>([
    { input: [2] },
    { input: undefined, inputs: [[1]] },
    { parameters: { top_k: 2 } },
    { parameters: undefined },
    { webhook: { url: 'https://example.com/2', events: ['failed'] } },
    { webhook: { url: 'https://example.com' } },
    { priority: 'high' },
    { queue_timeout_s: 2 },
    { execution_timeout_s: 3 },
    { result_ttl_s: 4 },
    { metadata: { a: '1' } },
    { metadata: { a: '1', b: '3' } },
    { model: 'digits' },
  ])('is another with %j', (change) => {
    expect(of({ ...full, ...change })).not.toBe(of(full));
  });

  it('is another for a version that is asked for, though it be the default', () => {
    expect(of(full, '2')).not.toBe(of(full));
  });

  it('does not take the end of one field for the start of the next', () => {
    expect(of({ input: 'a\nb' })).not.toBe(of({ input: 'a' }));
    expect(of({ inputs: ['a', 'b'] })).not.toBe(of({ inputs: ['a,b'] }));
    expect(of({ inputs: [1, 2] })).not.toBe(of({ input: [1, 2] }));
  });
});
