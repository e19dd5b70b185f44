import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fastify, { type FastifyInstance } from 'fastify';
import { Leaving } from './leaving.js';

describe('Leaving', () => {
  let app: FastifyInstance;
  let sut: Leaving;

  beforeEach(() => {
    app = fastify();
    sut = new Leaving();
    sut.addTo(app);
    app.get('/', () => 'served');
  });

  afterEach(() => app.close());

  it('ends connections with their next answer, and serves them', async () => {
    expect((await app.inject('/')).headers.connection).not.toBe('close');
    expect(sut.begun).toBe(false);
    const gone = sut.gone();
    const answer = await app.inject('/');
    expect(answer.headers.connection).toBe('close');
    expect(answer.body).toBe('served');
    expect(sut.begun).toBe(true);
    await gone;
  });
});
