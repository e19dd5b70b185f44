import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CONFIG, type Config, type RateLimit } from '#libs/config';
import { RateLimiter } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { networkOf } from '../http/address.js';
import { callerKey } from './caller-key.js';
import { type Asked, rateHeaders } from './rate.headers.js';
import { Refusals } from './refusals.js';

interface Policy {
  name: Asked['name'];
  limit: RateLimit;
  bucket: string;
}

/** How often a key or an address may ask. */
@Injectable()
export class RateLimits {
  private readonly trouble = new LastingTrouble(new Logger('Limits'));
  private readonly perKey: RateLimit | undefined;
  private readonly perAddress: RateLimit | undefined;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    private readonly limiter: RateLimiter,
    private readonly refusals: Refusals,
  ) {
    this.perKey = limits.RATE_LIMIT;
    this.perAddress = limits.ADDRESS_RATE_LIMIT;
  }

  /** @param owner '' without a key. @returns undefined where no limit holds. Rejects with ProblemError `rate-limited`. */
  take(owner: string, ip: string, reply: FastifyReply): Promise<void> | undefined {
    const policies = this.policiesOf(owner, ip);
    return policies.length === 0 ? undefined : this.ask(policies, reply);
  }

  private policiesOf(owner: string, ip: string): Policy[] {
    const { perKey, perAddress } = this;
    return [
      ...(perKey
        ? [{ name: 'default', limit: perKey, bucket: callerKey(owner, ip) } as const]
        : []),
      ...(perAddress
        ? [{ name: 'address', limit: perAddress, bucket: `any:${networkOf(ip)}` } as const]
        : []),
    ];
  }

  private async ask(policies: readonly Policy[], reply: FastifyReply): Promise<void> {
    let asked: Asked[];
    try {
      asked = await Promise.all(
        policies.map(async ({ name, limit, bucket }) => {
          return { name, limit, grant: await this.limiter.take(bucket, limit) };
        }),
      );
    } catch (err) {
      // What needs Redis finds out by itself, and what does not is answered.
      this.trouble.met(err, 'limits not looked at');
      return;
    }
    this.trouble.isOver();
    reply.headers(rateHeaders(asked));
    const refused = asked.filter(({ grant }) => !grant.granted);
    if (refused.length === 0) return;
    const waitS = Math.max(...refused.map(({ grant }) => grant.nextInS));
    throw this.refusals.refuse('rate-limited', 'Send fewer requests; see RateLimit.', waitS);
  }
}
