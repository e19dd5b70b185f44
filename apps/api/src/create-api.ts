import multipart from '@fastify/multipart';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '#libs/config';
import { ApiModule } from './api.module.js';
import { mountBoard } from './board/board.js';
import { addRequestHooks, newRequestId } from './http/request.hooks.js';
import { multipartOptions } from './http/multipart.js';
import { serveDocs } from './openapi/document.js';

/** The api, ready to listen. */
export async function createApi(
  config: Config,
  logger: LoggerService,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: config.server.BODY_LIMIT_BYTES,
    genReqId: newRequestId,
    // While it drains, new requests on open connections hear 503 rather than nothing.
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 128 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    ApiModule.forRoot(config),
    adapter,
    // Fastify's own JSON parser refuses __proto__ and holds the body limit; forms are not welcome.
    { logger, abortOnError: false, bodyParser: false },
  );
  app.getHttpAdapter().getInstance().removeContentTypeParser('text/plain');
  await app.register(multipart, multipartOptions(config.server.BODY_LIMIT_BYTES));
  addRequestHooks(app, config.server.BODY_LIMIT_BYTES);
  await mountBoard(app, config);
  if (config.server.DOCS) serveDocs(app);
  return app;
}
