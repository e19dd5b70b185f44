import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Config } from '#libs/config';

/** What answers carry on their way to a browser. */
export type SecurityHeaders = Readonly<Record<string, string>>;

const PAGES = /^\/(docs|admin)(\/|$)/;
/** Not of helmet: of the answer that they came with. */
const OTHERS = ['content-length', 'content-type', 'connection', 'date'];
const YEAR_S = 365 * 86_400;

/** For JSON, which nothing may be loaded by: no more than what has a meaning for it, as each answer carries it. */
const API = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  xFrameOptions: { action: 'deny' },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
} satisfies FastifyHelmetOptions;

/** For Swagger UI and Bull Board: scripts of this api alone. Both set styles in their elements. */
const PAGE = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'", 'data:'],
      connectSrc: ["'self'"],
      baseUri: ["'self'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
} satisfies FastifyHelmetOptions;

/** Sets them on every answer that passes hooks. */
export async function addSecurityHeaders(fastify: FastifyInstance, config: Config): Promise<void> {
  const { api, page } = await securityHeaders(config);
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(PAGES.test(request.routeOptions.url ?? '') ? page : api);
    done();
  });
}

/**
 * Asked of helmet once: they are the same for every answer, and helmet, asked each time, writes its policy
 * anew.
 */
export async function securityHeaders({
  server,
}: Config): Promise<{ api: SecurityHeaders; page: SecurityHeaders }> {
  const isHttps = server.PUBLIC_URL?.startsWith('https:') === true;
  const strictTransportSecurity = isHttps && { maxAge: YEAR_S, includeSubDomains: false };
  return {
    api: await headersOf({ ...API, strictTransportSecurity }),
    page: await headersOf({ ...PAGE, strictTransportSecurity }),
  };
}

async function headersOf(policy: FastifyHelmetOptions): Promise<SecurityHeaders> {
  const probe = Fastify();
  await probe.register(helmet, policy);
  probe.get('/', () => '');
  const { headers } = await probe.inject('/');
  await probe.close();
  const own = Object.entries(headers).filter(([name]) => !OTHERS.includes(name));
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
}
