import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config, ConfigError } from '#libs/config';

const ENTRY = /^([a-z0-9_-]{1,64}):([^\s:,]{8,256})$/i;

/** The configured keys. Only their digests are kept, so that a look-up tells nothing by its timing. */
@Injectable()
export class ApiKeys {
  private readonly owners = new Map<string, string>();

  constructor(@Inject(CONFIG) { server }: Config) {
    const entries = (server.API_KEYS ?? '').split(',');
    if (server.API_KEYS_FILE !== undefined) entries.push(...linesOf(server.API_KEYS_FILE));
    for (const entry of entries.map((e) => e.trim()).filter((e) => e !== '')) {
      const [, name, key] = ENTRY.exec(entry) ?? [];
      if (name === undefined || key === undefined) {
        throw new ConfigError(
          'API_KEYS: each must be name:key, the key of at least 8 characters without ":" or ","',
        );
      }
      this.owners.set(digest(key), name);
    }
    if (this.owners.size === 0 && (server.API_KEYS ?? server.API_KEYS_FILE) !== undefined) {
      throw new ConfigError('API_KEYS: there is no key in it');
    }
  }

  get required(): boolean {
    return this.owners.size > 0;
  }

  /** @returns the key's name, or null. */
  ownerOf(key: string): string | null {
    return this.owners.get(digest(key)) ?? null;
  }
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
