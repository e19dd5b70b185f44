import type { INestApplication, Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyContextConfig } from 'fastify';
import type { ScopeName } from '#libs/contracts';
import { PUBLIC } from './public.decorator.js';
import { SCOPE } from './scope.decorator.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a key needs here, or that none is needed; absent: the route is closed. */
    access?: ScopeName | 'public';
  }
}

const ROUTE_CONFIG = RouteConfig({}).KEY;

type Handler = (...args: unknown[]) => unknown;

/**
 * Tells Fastify of each route whom it is for, as its decorators say: a hook, which comes before the body is
 * read, knows nothing of Nest's classes. To be called before the routes are registered.
 */
export function tellAccess(app: INestApplication): void {
  const reflector = app.get(Reflector);
  const scanner = new MetadataScanner();
  for (const { metatype } of app.get(DiscoveryService).getControllers()) {
    if (!metatype) continue;
    const prototype = metatype.prototype as Record<string, Handler | undefined>;
    for (const name of scanner.getAllMethodNames(prototype)) {
      const handler = prototype[name];
      if (!handler) continue;
      const access = accessOf(reflector, handler) ?? accessOf(reflector, metatype as Type);
      if (access === undefined) continue;
      const config = reflector.get<FastifyContextConfig | undefined>(ROUTE_CONFIG, handler);
      RouteConfig({ ...config, access })(handler);
    }
  }
}

function accessOf(reflector: Reflector, target: Handler | Type): ScopeName | 'public' | undefined {
  if (reflector.get<boolean | undefined>(PUBLIC, target) === true) return 'public';
  return reflector.get<ScopeName | undefined>(SCOPE, target);
}
