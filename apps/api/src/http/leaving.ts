import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

/** Requests that come sooner after each other are of clients that do not know yet. */
const QUIET_MS = 100;
/** Longest that clients are waited for: by then a load balancer has seen that this process is not ready. */
const MOST_MS = 5000;

/**
 * An api that is told to end stays until its clients have gone elsewhere: it is not ready any more, each answer ends its
 * connection, and everything is served as before. What it closed at once would be cut off, halfway in.
 */
@Injectable()
export class Leaving {
  private since = 0;
  private lastRequestAt = 0;

  get begun(): boolean {
    return this.since > 0;
  }

  addTo(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', (_request, reply, done) => {
      if (this.begun) {
        this.lastRequestAt = performance.now();
        reply.header('connection', 'close');
      }
      done();
    });
  }

  /** Begins it, and resolves when no more requests come, or in 5 s. */
  async gone(): Promise<void> {
    this.since = performance.now();
    this.lastRequestAt = this.since;
    for (let now = this.since; now < this.since + MOST_MS; now = performance.now()) {
      if (now > this.lastRequestAt + QUIET_MS) return;
      await sleep(QUIET_MS / 2);
    }
  }
}
