import type { OpenAPIObject, OperationObject, ResponseObject } from '@nestjs/swagger';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** An operation of a document, where it stands. */
export interface Operation {
  path: string;
  method: (typeof METHODS)[number];
  operation: OperationObject;
  /** By status. */
  responses: Record<string, ResponseObject>;
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
