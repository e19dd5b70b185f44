import type { SchemasObject } from '@nestjs/swagger';

export const SCHEMAS = '#/components/schemas/';

/** Those schemas that something refers to, directly or by way of others. */
export function reachable(root: unknown, schemas: SchemasObject): SchemasObject {
  const found = new Set<string>();
  const open: unknown[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      open.push(value);
      if (key !== '$ref' || typeof value !== 'string' || !value.startsWith(SCHEMAS)) continue;
      const name = value.slice(SCHEMAS.length);
      if (!found.has(name)) open.push(schemas[name]);
      found.add(name);
    }
  }
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => found.has(name)));
}
