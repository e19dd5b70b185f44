import { isRecord } from '#libs/contracts';

/** What references lead into: `input`, `item`, and the outputs of steps, by name. */
export type Scope = Readonly<Record<string, unknown>>;

/** A template, read: its references are found, and nothing of it is looked up yet. */
export interface Template {
  /** What its references begin with, without `$`. */
  readonly roots: readonly string[];
  /** @throws MissingReference */
  readonly render: (scope: Scope) => unknown;
}

/** A reference leads nowhere. The message is for whoever wrote it. */
export class MissingReference extends Error {
  override readonly name = 'MissingReference';
}

/** `$find.detections.0.box`: a root, then names of fields and places in arrays. */
const REFERENCE = /^\$[A-Za-z][\w-]*(?:\.[\w-]+)*$/;

export function isReference(text: string): boolean {
  return REFERENCE.test(text);
}

/**
 * Reads a value of a manifest: a text that begins with `$` is a reference and stands for what it leads to; one
 * that is to begin with it as it is has two. All else stands for itself.
 * @throws Error for a reference that cannot be read.
 */
export function readTemplate(value: unknown): Template {
  if (typeof value === 'string' && value.startsWith('$')) return readText(value);
  if (Array.isArray(value)) {
    const items = value.map(readTemplate);
    return { roots: rootsOf(items), render: (scope) => items.map(({ render }) => render(scope)) };
  }
  if (isRecord(value)) {
    const fields = Object.entries(value).map(([name, of]) => [name, readTemplate(of)] as const);
    return {
      roots: rootsOf(fields.map(([, field]) => field)),
      render: (scope) =>
        Object.fromEntries(fields.map(([name, { render }]) => [name, render(scope)])),
    };
  }
  return { roots: [], render: () => value };
}

function readText(text: string): Template {
  if (text.startsWith('$$')) return { roots: [], render: () => text.slice(1) };
  if (!isReference(text)) {
    throw new Error(`${text} is no reference: it must be like $input, $item.box or $step.label`);
  }
  const [root = '', ...path] = text.slice(1).split('.');
  return { roots: [root], render: (scope) => lookUp(scope, [root, ...path], text) };
}

function lookUp(scope: Scope, path: readonly string[], reference: string): unknown {
  let value: unknown = scope;
  for (const name of path) {
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
    if (!isThere) throw new MissingReference(`${reference} is not there`);
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function rootsOf(parts: readonly Template[]): string[] {
  return [...new Set(parts.flatMap(({ roots }) => roots))];
}
