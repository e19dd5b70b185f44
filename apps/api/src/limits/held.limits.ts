import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { wantsEvents } from '../http/accept.js';
import { parsePrefer } from '../http/prefer.js';
import { Holdings } from './holdings.js';
import { Refusals } from './refusals.js';

/** What requests of one caller may hold of this process at once: memory for bodies, and connections. */
@Injectable()
export class HeldLimits {
  private readonly bytes = new Holdings();
  private readonly waits = new Holdings();
  private readonly maxBytes: number;
  private readonly maxWaits: number;
  private readonly bodyLimit: number;

  constructor(
    @Inject(CONFIG) { limits, server }: Config,
    private readonly refusals: Refusals,
  ) {
    this.maxBytes = limits.MAX_INFLIGHT_BYTES;
    this.maxWaits = limits.MAX_WAITS;
    this.bodyLimit = server.BODY_LIMIT_BYTES;
  }

  get areSet(): boolean {
    return this.maxBytes > 0 || this.maxWaits > 0;
  }

  /**
   * Holds what the request needs until `over` aborts.
   * @throws ProblemError `too-many-bytes` or `too-many-connections`; then it holds nothing.
   */
  take(caller: string, request: FastifyRequest, over: AbortSignal): void {
    if (over.aborted) return;
    const bytes = this.maxBytes > 0 ? this.bytesOf(request) : 0;
    const held = this.bytes.of(caller);
    // A body that is larger than all of the limit comes in alone, or never would.
    if (bytes > 0 && held > 0 && held + bytes > this.maxBytes) {
      const detail = 'Wait for answers to your requests that are under way, or send less at once.';
      throw this.refusals.refuse('too-many-bytes', detail, 1);
    }
    const waits = this.maxWaits > 0 && isWait(request);
    if (waits && this.waits.of(caller) >= this.maxWaits) {
      const detail = 'End some of your event streams and requests that wait, or poll the job.';
      throw this.refusals.refuse('too-many-connections', detail, 1);
    }
    if (bytes > 0) over.addEventListener('abort', this.bytes.take(caller, bytes));
    if (waits) over.addEventListener('abort', this.waits.take(caller, 1));
  }

  /** A body that does not tell its length may have any that is taken. */
  private bytesOf({ headers, routeOptions }: FastifyRequest): number {
    if (routeOptions.config.ignoreBody === true) return 0;
    const { 'content-length': length, 'transfer-encoding': encoding } = headers;
    if (encoding !== undefined) return this.bodyLimit;
    return length === undefined ? 0 : Number(length);
  }
}

/** It keeps its connection until something happens. */
export function isWait(request: FastifyRequest): boolean {
  const { routeOptions, headers } = request;
  const { holds } = routeOptions.config;
  if (holds === 'preferred') {
    const { prefer } = headers;
    const waits = prefer !== undefined && (parsePrefer(prefer).waitS ?? 0) > 0;
    return waits || wantsEvents(request);
  }
  return holds === 'stream';
}
