import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hangUpOf } from '../http/hang-up.js';
import { leaveUnread } from '../http/unread-body.js';
import { callerKey } from './caller-key.js';
import { Admission, type QueuedCounts } from './admission.js';
import { HeldLimits } from './held.limits.js';
import { RateLimits } from './rate.limits.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route makes a job be queued. */
    submits?: boolean;
    /** The route keeps its connection: where `Prefer: wait` asks for it, or always. */
    holds?: 'preferred' | 'stream';
  }
  interface FastifyRequest {
    /** Set on routes that submit. */
    queued?: QueuedCounts;
  }
}

/** Refuses requests that are too many, before their bodies are read. Comes after the hook that knows their keys. */
@Injectable()
export class LimitHooks {
  constructor(
    private readonly rates: RateLimits,
    private readonly held: HeldLimits,
    private readonly admission: Admission,
  ) {}

  addTo(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', (request, reply, done) => {
      // Whoever supervises this process asks as often as it likes.
      if (request.routeOptions.url?.startsWith('/health') === true) {
        done();
        return;
      }
      const refuse = (error: Error) => {
        leaveUnread(request, reply);
        done(error);
      };
      let checked: Promise<void> | undefined;
      try {
        checked = this.check(request, reply);
      } catch (error) {
        refuse(error as Error);
        return;
      }
      if (checked) checked.then(() => done(), refuse);
      else done();
    });
  }

  /** Without a limit that has to ask Redis, the answer is there at once. */
  private check(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
    const { owner = '' } = request;
    // From here on, so that it does not hang up unheard while Redis is asked.
    const over = this.held.areSet ? hangUpOf(reply) : undefined;
    const submits = request.routeOptions.config.submits === true;
    const rate = this.rates.take(owner, request.ip, reply);
    const counted = submits ? this.admission.count(owner) : undefined;
    const enter = (counts: QueuedCounts) => {
      if (over) this.held.take(callerKey(owner, request.ip), request, over);
      if (submits) this.enter(request, counts);
    };
    if (rate || counted) return Promise.all([counted ?? null, rate]).then(([c]) => enter(c));
    enter(null);
    return undefined;
  }

  private enter(request: FastifyRequest, counts: QueuedCounts): void {
    request.queued = counts;
    // What was submitted before is answered however much there is to do.
    if (request.headers['idempotency-key'] !== undefined) return;
    const { model } = request.params as { model?: string };
    this.admission.checkEarly(counts, model);
  }
}
