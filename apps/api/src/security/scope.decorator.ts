import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { ScopeName } from '#libs/contracts';

export const SCOPE = 'foretell:scope';
/** Where an operation of the OpenAPI document tells its scope. */
export const SCOPE_EXTENSION = 'x-scope';

/** Only for keys with this scope. A handler's own goes before that of its controller. */
export const Scope = (scope: ScopeName) =>
  applyDecorators(SetMetadata(SCOPE, scope), ApiExtension(SCOPE_EXTENSION, scope));
