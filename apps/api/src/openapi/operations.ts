import type { OpenAPIObject, OperationObject, ResponseObject } from '@nestjs/swagger';
import type { ScopeName } from '#libs/contracts';
import { SCOPE_EXTENSION } from '../security/scope.decorator.js';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** An operation of a document, where it stands. */
export interface Operation {
  path: string;
  method: (typeof METHODS)[number];
  operation: OperationObject;
  /** By status. */
  responses: Record<string, ResponseObject>;
}

/** The scope that an operation needs of a key; null where it says none. */
export function scopeOf(operation: OperationObject): ScopeName | null {
  const scope = (operation as { [SCOPE_EXTENSION]?: ScopeName })[SCOPE_EXTENSION];
  return scope ?? null;
}

/** All operations of a document, to be read or changed in place. */
export function operationsOf(document: OpenAPIObject): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      // Nest writes them out; it makes no references.
      return [
        { path, method, operation, responses: operation.responses as Operation['responses'] },
      ];
    }),
  );
}
