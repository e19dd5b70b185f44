import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config, ConfigError } from '#libs/config';
import { type ScopeName, SCOPES } from './scope.decorator.js';

/** What follows the second colon are scopes, one of which has a colon itself. */
const ENTRY = /^([a-z0-9_-]{1,64}):([^\s:,]{8,256})(?::(.*))?$/i;
/** Anything else behind a key may be the rest of a key that has a colon, and is not repeated. */
const LOOKS_LIKE_SCOPE = /^[a-z]{1,12}(:[a-z]{1,12})?$/;

/** What is known of a key. */
export interface ApiKey {
  /** Its owner. */
  name: string;
  scopes: ReadonlySet<ScopeName>;
}

/** The configured keys. Only their digests are kept, so that a look-up tells nothing by its timing. */
@Injectable()
export class ApiKeys {
  private readonly keys = new Map<string, ApiKey>();

  constructor(@Inject(CONFIG) { server }: Config) {
    const entries = (server.API_KEYS ?? '').split(',');
    if (server.API_KEYS_FILE !== undefined) entries.push(...linesOf(server.API_KEYS_FILE));
    for (const entry of entries.map((e) => e.trim()).filter((e) => e !== '')) {
      const [, name, key, scopes] = ENTRY.exec(entry) ?? [];
      if (name === undefined || key === undefined) {
        throw new ConfigError(
          'API_KEYS: each must be name:key or name:key:scope+scope, the key of at least 8 characters without ":" or ","',
        );
      }
      this.keys.set(digest(key), { name, scopes: new Set(scopesIn(scopes)) });
    }
    if (this.keys.size === 0 && (server.API_KEYS ?? server.API_KEYS_FILE) !== undefined) {
      throw new ConfigError('API_KEYS: there is no key in it');
    }
  }

  get required(): boolean {
    return this.keys.size > 0;
  }

  find(key: string): ApiKey | null {
    return this.keys.get(digest(key)) ?? null;
  }
}

/** All of them, for a key that names none. */
function scopesIn(text: string | undefined): readonly ScopeName[] {
  return text === undefined ? SCOPES : text.split('+').map(scopeIn);
}

function scopeIn(text: string): ScopeName {
  const scope = SCOPES.find((known) => known === text);
  if (scope !== undefined) return scope;
  const what = LOOKS_LIKE_SCOPE.test(text) ? `${text} is not a scope` : 'a scope is not one';
  throw new ConfigError(`API_KEYS: ${what}; there are ${SCOPES.join(', ')}`);
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
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
