import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '#libs/contracts';
import { type ApiKey, ApiKeys } from './api-keys.js';
import { PUBLIC } from './public.decorator.js';
import { SCOPE, type ScopeName } from './scope.decorator.js';

/** Lets in whoever brings a configured key that has the scope; everybody, where none is configured. */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly keys: ApiKeys,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (!this.keys.required) return true;
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets) === true)
      return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { name, scopes } = this.keyOf(request);
    const scope = this.reflector.getAllAndOverride<ScopeName | undefined>(SCOPE, targets);
    if (scope === undefined) throw new TypeError('a route without a scope is closed to everybody');
    if (!scopes.has(scope)) {
      throw new ProblemError('forbidden', `Use a key that has the scope ${scope}.`);
    }
    request.owner = name;
    return true;
  }

  private keyOf({ headers }: FastifyRequest): ApiKey {
    const [scheme, text] = (headers.authorization ?? '').split(' ');
    const key = scheme?.toLowerCase() === 'bearer' && text ? this.keys.find(text) : null;
    if (key) return key;
    throw new ProblemError('unauthorized', 'Send a valid key: Authorization: Bearer <api key>.');
  }
}
