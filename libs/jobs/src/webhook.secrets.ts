import { randomBytes } from 'node:crypto';
import { clock } from '#libs/clock';
import { ProblemError, type WebhookSecretView } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';
import { scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    rotateSecret(key: string, owner: string, secret: string, now: number): Result<string, Context>;
  }
}

/** After a rotation, so that receivers can take up the new one at their leisure. */
const PREVIOUS_VALID_MS = 24 * 3_600_000;

/** As Redis holds it. */
interface OwnSecret {
  secret: string;
  /** The one before the last rotation, and when that was (ms since the epoch). */
  previous?: string;
  rotatedAt?: number;
}

/**
 * What webhooks are signed with: the secrets of the settings for everybody, or else one of each owner's own,
 * which is made when it is first asked for.
 */
export class WebhookSecrets {
  /** @param configured one or two, the newest first; none: each owner has its own. */
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly configured: readonly string[],
  ) {
    redis.defineCommand('rotateSecret', { numberOfKeys: 1, lua: scriptText('rotate-secret.lua') });
  }

  /** What the owner's receivers verify with. */
  async of(owner: string): Promise<WebhookSecretView> {
    const [secret, previous] = this.configured;
    if (secret === undefined) return ownView(await this.own(owner));
    return view(secret, previous === undefined ? null : { secret: previous, valid_until: null });
  }

  /** What the owner's webhooks are signed with at this moment: one or two, the newest first. */
  async signing(owner: string): Promise<string[]> {
    const { secret, previous } = await this.of(owner);
    return previous ? [secret, previous.secret] : [secret];
  }

  /**
   * Makes the owner a new secret. The one before is valid for another day; one before that no longer.
   * @throws ProblemError `secret-configured` where the secret is a setting.
   */
  async rotate(owner: string): Promise<WebhookSecretView> {
    if (this.configured.length > 0) {
      throw new ProblemError(
        'secret-configured',
        'The operator has set WEBHOOK_SECRET, and rotates it there.',
      );
    }
    const key = this.keys.webhookSecrets;
    return ownView(parse(await this.redis.rotateSecret(key, owner, newSecret(), clock.now())));
  }

  private async own(owner: string): Promise<OwnSecret> {
    const key = this.keys.webhookSecrets;
    const known = await this.redis.hget(key, owner);
    if (known !== null) return parse(known);
    // Whoever else makes one at this moment: the first one stays.
    await this.redis.hsetnx(key, owner, JSON.stringify({ secret: newSecret() }));
    const made = await this.redis.hget(key, owner);
    if (made === null) throw new Error('Redis lost the webhook secret that was just written');
    return parse(made);
  }
}

function ownView({ secret, previous, rotatedAt = 0 }: OwnSecret): WebhookSecretView {
  const validUntil = rotatedAt + PREVIOUS_VALID_MS;
  if (previous === undefined || validUntil <= clock.now()) return view(secret, null);
  return view(secret, { secret: previous, valid_until: new Date(validUntil).toISOString() });
}

function view(secret: string, previous: WebhookSecretView['previous']): WebhookSecretView {
  return { object: 'webhook_secret', secret, previous };
}

/** Standard Webhooks: 24 to 64 random bytes. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

function parse(text: string): OwnSecret {
  return JSON.parse(text) as OwnSecret;
}
