import multipart from '@fastify/multipart';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '#libs/config';
import { ApiModule } from './api.module.js';
import { mountBoard } from './board/board.js';
import { refuseWhileClosing } from './http/closing.js';
import { allowOrigins } from './http/cross-origin.js';
import { readCsvBodies } from './http/csv.body.js';
import { readJsonBodies } from './http/json.body.js';
import { refuseUnroutable } from './http/problem.filter.js';
import { Leaving } from './http/leaving.js';
import { addRequestHooks, newRequestId, tellRequestId } from './http/request.hooks.js';
import { traceRequests } from './http/request.spans.js';
import { multipartOptions } from './http/multipart.js';
import { addSecurityHeaders } from './http/security.headers.js';
import { refuseUnreadable } from './http/unreadable-request.js';
import { refuseOtherMethods, watchPaths } from './http/other-methods.js';
import { LimitHooks } from './limits/limit.hooks.js';
import { ApiDocument } from './openapi/api-document.js';
import { serveDocs } from './openapi/document.js';
import { authenticate } from './security/authenticate.js';

/** Headers are small; whoever takes longer for them wants to hold a connection. */
const MAX_HEADERS_MS = 15_000;

/** An answer of which its reader takes nothing for so long, or twice as long, is given up: longer than any wait for a job. */
const MAX_STANDSTILL_MS = 70_000;

/** The api, ready to listen. */
export async function createApi(
  config: Config,
  logger: LoggerService,
): Promise<NestFastifyApplication> {
  const { TRUST_PROXY } = config.server;
  const requestTimeoutMs = config.server.REQUEST_TIMEOUT_S * 1000;
  const adapter = new FastifyAdapter({
    bodyLimit: config.server.BODY_LIMIT_BYTES,
    ...(TRUST_PROXY.length > 0 && { trustProxy: [...TRUST_PROXY] }),
    genReqId: newRequestId,
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: refuseUnroutable,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: requestTimeoutMs,
    connectionTimeout: MAX_STANDSTILL_MS,
    http: {
      headersTimeout: Math.min(requestTimeoutMs, MAX_HEADERS_MS),
      connectionsCheckingInterval: 1000,
    },
    routerOptions: { maxParamLength: 128 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    ApiModule.forRoot(config),
    adapter,
    // Nest's own parsers would take forms.
    { logger, abortOnError: false, bodyParser: false },
  );
  const fastify = app.getHttpAdapter().getInstance();
  await addSecurityHeaders(fastify, config);
  await allowOrigins(fastify, config);
  const paths = watchPaths(fastify);
  fastify.removeContentTypeParser('text/plain');
  readJsonBodies(app);
  readCsvBodies(app);
  await app.register(multipart, multipartOptions(config.server.BODY_LIMIT_BYTES));
  tellRequestId(fastify);
  traceRequests(fastify);
  refuseWhileClosing(fastify);
  app.get(Leaving).addTo(fastify);
  authenticate(app);
  app.get(LimitHooks).addTo(fastify);
  addRequestHooks(app, config.server.BODY_LIMIT_BYTES);
  await mountBoard(app, config);
  const document = app.get(ApiDocument);
  document.describe(app);
  if (config.server.DOCS) serveDocs(app, () => document.get());
  await app.init();
  refuseOtherMethods(fastify, paths);
  return app;
}
