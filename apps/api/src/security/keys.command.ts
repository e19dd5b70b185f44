import { parseArgs } from 'node:util';
import {
  type ApiKeyView,
  KEY_NAME,
  MAX_KEY_LIFE_S,
  SCOPES,
  type ScopeName,
  USUAL_SCOPES,
} from '#libs/contracts';
import type { ApiKeyStore } from '#libs/jobs';

const USAGE = `usage: npm run keys -- create --name NAME [--scopes read,predict] [--expires-in 30d]
                       list
                       revoke ID`;
const UNIT_S: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The command was not understood; the message says how it is written. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Does what a command line says.
 * @returns what to print. @throws UsageError
 */
export async function keysCommand(args: string[], store: ApiKeyStore): Promise<string> {
  const { values, positionals } = parsed(args);
  const [command, id, ...more] = positionals;
  const isBare = Object.keys(values).length === 0;
  if (command === 'create' && id === undefined) return create(values, store);
  if (command === 'list' && id === undefined && isBare) return table(await store.list());
  if (command === 'revoke' && id !== undefined && more.length === 0 && isBare) {
    if (await store.revoke(id)) return `revoked ${id}`;
    throw new UsageError(`there is no key ${id}: npm run keys -- list shows them`);
  }
  throw new UsageError(USAGE);
}

interface Options {
  name?: string | undefined;
  scopes?: string | undefined;
  'expires-in'?: string | undefined;
}

function parsed(args: string[]): { values: Options; positionals: string[] } {
  const text = { type: 'string' } as const;
  try {
    const options = { name: text, scopes: text, 'expires-in': text };
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

async function create(options: Options, store: ApiKeyStore): Promise<string> {
  const { name = '', scopes, 'expires-in': life } = options;
  if (!KEY_NAME.test(name)) {
    throw new UsageError(`--name must be 1 to 64 letters, digits, _ or -\n${USAGE}`);
  }
  const made = await store.create({
    name,
    scopes: scopes === undefined ? USUAL_SCOPES : [...new Set(scopes.split(/[,+]/).map(scopeOf))],
    expiresInS: life === undefined ? undefined : secondsOf(life),
  });
  return `${table([made])}\n\n${made.key}\n\nIt is shown only now.`;
}

function scopeOf(text: string): ScopeName {
  const scope = SCOPES.find((known) => known === text);
  if (scope !== undefined) return scope;
  throw new UsageError(`${text} is not a scope; there are ${SCOPES.join(', ')}`);
}

function secondsOf(life: string): number {
  const [, count, unit = ''] = /^([0-9]{1,9})([smhd])$/.exec(life) ?? [];
  const seconds = Number(count) * (UNIT_S[unit] ?? NaN);
  if (seconds >= 1 && seconds <= MAX_KEY_LIFE_S) return seconds;
  throw new UsageError('--expires-in must be like 90s, 30m, 12h or 30d, and at most 3650d');
}

function table(keys: readonly ApiKeyView[]): string {
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.scopes.join('+'),
    key.created_at,
    expiryOf(key),
    `…${key.last_characters}`,
  ]);
  const all = [['ID', 'NAME', 'SCOPES', 'CREATED', 'EXPIRES', 'ENDS IN'], ...rows];
  const widths = all[0]?.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0))) ?? [];
  const line = (row: string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
  return all.map((row) => line(row).trimEnd()).join('\n');
}

function expiryOf({ expires_at }: ApiKeyView): string {
  if (expires_at === null) return 'never';
  return Date.parse(expires_at) <= Date.now() ? `${expires_at} (over)` : expires_at;
}
