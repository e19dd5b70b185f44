import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { clock } from '#libs/clock';
import { CONFIG, type Config } from '#libs/config';
import type { ScopeName } from '#libs/contracts';
import { ApiKeyStore, digestOf, type StoredKey } from '#libs/jobs';
import { configuredKeys } from './configured-keys.js';

/** What is known of the key that came with a request. */
export interface ApiKey {
  /** Of the key alone, also among those of one name. */
  id: string;
  /** Its owner. */
  name: string;
  scopes: ReadonlySet<ScopeName>;
}

/** One that lets somebody in. */
export interface KnownKey extends ApiKey {
  digest: string;
  /** Milliseconds since the epoch; from then on it is refused. */
  expiresAt: number;
}

/** All keys that let somebody in: those of the settings, and those that are stored. Only digests are kept. */
@Injectable()
export class ApiKeys implements OnModuleInit {
  private readonly pepper = randomBytes(32);
  private readonly configured: readonly KnownKey[];
  private known: ReadonlyMap<string, KnownKey> = new Map();
  private isRequired: boolean;

  constructor(
    @Inject(CONFIG) { server }: Config,
    private readonly store: ApiKeyStore,
  ) {
    this.isRequired = server.AUTH === 'required';
    this.configured = configuredKeys(server);
    this.take([]);
  }

  async onModuleInit(): Promise<void> {
    await this.store.follow((stored) => {
      this.take(stored);
    });
  }

  /**
   * Whether nobody gets in without a key: as soon as there is one. From then on it is so until this process ends,
   * lest revoking the last key should open what it guarded.
   */
  get required(): boolean {
    return this.isRequired;
  }

  /** @returns null for a key that is unknown, revoked or expired. */
  find(text: string): ApiKey | null {
    const digest = digestOf(text);
    const key = this.known.get(this.blind(digest));
    if (!key || !timingSafeEqual(Buffer.from(key.digest), Buffer.from(digest))) return null;
    return clock.now() < key.expiresAt ? key : null;
  }

  private take(stored: readonly StoredKey[]): void {
    const all = [...this.configured, ...stored.map(known)];
    this.known = new Map(all.map((key) => [this.blind(key.digest), key]));
    if (all.length > 0) this.isRequired = true;
  }

  /** Nobody outside can tell it of any digest, so that how long a look-up takes tells nothing. */
  private blind(digest: string): string {
    return createHmac('sha256', this.pepper).update(digest).digest('base64');
  }
}

function known({ id, name, scopes, digest, expires_at }: StoredKey): KnownKey {
  const expiresAt = expires_at === null ? Infinity : Date.parse(expires_at);
  return { id, name, scopes: new Set(scopes), digest, expiresAt };
}
