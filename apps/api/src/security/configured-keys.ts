import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '#libs/config';
import { KEY_NAME, SCOPES, type ScopeName, USUAL_SCOPES } from '#libs/contracts';
import { digestOf } from '#libs/jobs';
import type { KnownKey } from './api-keys.js';

/** What follows the second colon are scopes, one of which has a colon itself. */
const ENTRY = /^([^:]+):([^\s:,]{8,256})(?::(.*))?$/;
/** Anything else behind a key may be the rest of a key that has a colon, and is not repeated. */
const LOOKS_LIKE_SCOPE = /^[a-z]{1,12}(:[a-z]{1,12})?$/;

/**
 * The keys of API_KEYS and API_KEYS_FILE.
 * @throws ConfigError where one of them is wrong, or there is none although they are set.
 */
export function configuredKeys({ API_KEYS, API_KEYS_FILE }: Config['server']): KnownKey[] {
  const entries = (API_KEYS ?? '').split(',');
  if (API_KEYS_FILE !== undefined) entries.push(...linesOf(API_KEYS_FILE));
  const keys: KnownKey[] = [];
  for (const entry of entries.map((e) => e.trim()).filter((e) => e !== '')) {
    const [, name = '', key, scopes] = ENTRY.exec(entry) ?? [];
    if (key === undefined || !KEY_NAME.test(name)) {
      throw new ConfigError(
        'API_KEYS: each must be name:key or name:key:scope+scope, the key of at least 8 characters without ":" or ","',
      );
    }
    const ordinal = keys.filter((other) => other.name === name).length + 1;
    keys.push({
      // Stored keys have no dot in theirs.
      id: `${name}.${String(ordinal)}`,
      name,
      scopes: new Set(scopesIn(scopes)),
      digest: digestOf(key),
      expiresAt: Infinity,
    });
  }
  if (keys.length === 0 && (API_KEYS ?? API_KEYS_FILE) !== undefined) {
    throw new ConfigError('API_KEYS: there is no key in it');
  }
  return keys;
}

function scopesIn(text: string | undefined): readonly ScopeName[] {
  return text === undefined ? USUAL_SCOPES : text.split('+').map(scopeIn);
}

function scopeIn(text: string): ScopeName {
  const scope = SCOPES.find((known) => known === text);
  if (scope !== undefined) return scope;
  const what = LOOKS_LIKE_SCOPE.test(text) ? `${text} is not a scope` : 'a scope is not one';
  throw new ConfigError(`API_KEYS: ${what}; there are ${SCOPES.join(', ')}`);
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('#'));
  } catch (cause) {
    throw new ConfigError(`API_KEYS_FILE: ${file} cannot be read`, { cause });
  }
}
