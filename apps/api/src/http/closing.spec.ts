import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import type { ProblemError } from '#libs/contracts';
import { refuseWhileClosing } from './closing.js';

it('a request on an open connection is refused while the api drains, and the one before is answered', async () => {
  const held = Promise.withResolvers<string>();
  const sut = fastify({ return503OnClosing: false });
  refuseWhileClosing(sut);
  sut.setErrorHandler<ProblemError>((error, _request, reply) =>
    reply.status(error.status).send(error.code),
  );
  const begun = Promise.withResolvers<unknown>();
  const refused = Promise.withResolvers<unknown>();
  sut.addHook('onError', (_request, _reply, _error, done) => {
    refused.resolve(undefined);
    done();
  });
  sut.get('/', () => {
    begun.resolve(undefined);
    return held.promise;
  });
  await sut.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((sut.server.address() as AddressInfo).port, '127.0.0.1');
  let answers = '';
  socket.setEncoding('utf8').on('data', (text) => (answers += String(text)));
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

  socket.write(request);
  await begun.promise;
  const closed = sut.close();
  socket.write(request);
  await refused.promise;
  held.resolve('first');
  await Promise.all([closed, once(socket, 'close')]);

  expect(answers).toMatch(/^HTTP\/1.1 200 [^]*first[^]*HTTP\/1.1 503 [^]*not-ready$/);
});

it('an answer that nobody reads does not keep the api from ending', async () => {
  const sut = fastify({ return503OnClosing: false });
  refuseWhileClosing(sut, 10);
  sut.get('/', () => 'x'.repeat(50_000_000));
  await sut.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((sut.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'readable');

  await sut.close();

  socket.destroy();
});
