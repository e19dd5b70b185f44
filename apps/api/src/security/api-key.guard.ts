import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '#libs/contracts';
import { ApiKeys } from './api-keys.js';
import { PUBLIC } from './public.decorator.js';

/** Lets in whoever brings a configured key; everybody, where none is configured. */
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
    const [scheme, key] = (request.headers.authorization ?? '').split(' ');
    const owner = scheme?.toLowerCase() === 'bearer' && key ? this.keys.ownerOf(key) : null;
    if (owner === null) {
      throw new ProblemError('unauthorized', 'Send a valid key: Authorization: Bearer <api key>.');
    }
    request.owner = owner;
    return true;
  }
}
