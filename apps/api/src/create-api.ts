import multipart from '@fastify/multipart';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '#libs/config';
import { ApiModule } from './api.module.js';
import { mountBoard } from './board/board.js';
import { refuseWhileClosing } from './http/closing.js';
import { addRequestHooks, newRequestId } from './http/request.hooks.js';
import { multipartOptions } from './http/multipart.js';
import { refuseUnreadable } from './http/unreadable-request.js';
import { refuseOtherMethods, watchPaths } from './http/other-methods.js';
import { ApiDocument } from './openapi/api-document.js';
import { serveDocs } from './openapi/document.js';

/** The api, ready to listen. */
export async function createApi(
  config: Config,
  logger: LoggerService,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: config.server.BODY_LIMIT_BYTES,
    genReqId: newRequestId,
    clientErrorHandler: refuseUnreadable,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 128 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    ApiModule.forRoot(config),
    adapter,
    // Fastify's own JSON parser refuses __proto__ and holds the body limit; forms are not welcome.
    { logger, abortOnError: false, bodyParser: false },
  );
  const fastify = app.getHttpAdapter().getInstance();
  const paths = watchPaths(fastify);
  fastify.removeContentTypeParser('text/plain');
  await app.register(multipart, multipartOptions(config.server.BODY_LIMIT_BYTES));
  addRequestHooks(app, config.server.BODY_LIMIT_BYTES);
  refuseWhileClosing(fastify);
  await mountBoard(app, config);
  const document = app.get(ApiDocument);
  document.describe(app);
  if (config.server.DOCS) serveDocs(app, () => document.get());
  await app.init();
  refuseOtherMethods(fastify, paths);
  return app;
}
