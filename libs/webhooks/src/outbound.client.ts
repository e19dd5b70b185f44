import { LRUCache } from 'lru-cache';
import type { IncomingHttpHeaders } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import type { OutboundGuard } from './outbound-guard.js';

/** A receiver that drips its answer holds its place no longer than this after the headers. */
const ANSWER_MS = 1000;
const MAX_CONNECT_MS = 5000;
const MAX_HEADER_BYTES = 16_384;
const KEEP_ALIVE_MS = 10_000;
/** Pools of connections that are held, used or not: callers bring new origins as they like. */
const MAX_ORIGINS = 1000;
/** A busy connection is renewed now and then, so that a receiver may move to another address. */
const CONNECTION_TTL_MS = 60_000;

export interface OutboundRequest {
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: string | Buffer;
  /** Bytes of the answer that are read. */
  maxAnswerBytes: number;
}

export interface OutboundAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** As much as was read: the answer may be longer. Not decoded, whatever `content-encoding` says. */
  body: Buffer;
  /** Until the headers were there. */
  latencyMs: number;
}

/**
 * Every call that leaves the house on a caller's behalf: to addresses that the guard lets pass, within a time
 * and a size. Redirects are not followed, their status is the answer. Nothing is ever decompressed, so an
 * answer that would unpack to gigabytes costs what was sent of it.
 */
export class OutboundClient {
  /**
   * An `Agent` of undici keeps the pool of an origin whose last call was dropped for good; here the one that
   * was used least recently makes way, and finishes its calls.
   */
  private readonly pools: LRUCache<string, Pool>;
  private readonly timeoutMs: number;

  /**
   * @param options `timeoutMs` from the look-up of the name to the headers of the answer; `maxOrigins` to
   *   which connections are kept.
   */
  constructor(
    private readonly guard: OutboundGuard,
    { timeoutMs, maxOrigins = MAX_ORIGINS }: { timeoutMs: number; maxOrigins?: number },
  ) {
    this.timeoutMs = timeoutMs;
    this.pools = new LRUCache({ max: maxOrigins, dispose: (pool) => void pool.close() });
  }

  /**
   * @throws OutboundForbidden (undici may wrap it as a cause), a `TimeoutError`, or whatever kept the other
   *   side from answering.
   */
  async request(url: string, outbound: OutboundRequest): Promise<OutboundAnswer> {
    const { maxAnswerBytes } = outbound;
    const start = performance.now();
    const answer = await this.open(url, outbound, AbortSignal.timeout(this.timeoutMs));
    const latencyMs = Math.round(performance.now() - start);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: await readSome(answer.body, maxAnswerBytes),
      latencyMs,
    };
  }

  /**
   * The answer as it comes in. Whoever has it reads its body to the end, or destroys it.
   * @param signal ends the call, before the headers and after them. @throws as `request` does.
   */
  async open(
    url: string,
    { method, headers, body }: Omit<OutboundRequest, 'maxAnswerBytes'>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const target = this.guard.checkUrl(url);
    return this.poolOf(target).request({
      method,
      path: target.pathname + target.search,
      headers: { 'accept-encoding': 'identity', ...headers },
      body: body ?? null,
      // Each byte of the headers would begin a timeout of undici anew. While it connects it heeds no signal,
      // but its connect timeout.
      signal,
    });
  }

  /** Waits for the calls under way. */
  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
  }

  private poolOf({ origin }: URL): Pool {
    const known = this.pools.get(origin);
    if (known) return known;
    const pool = new Pool(origin, {
      connect: {
        lookup: this.guard.lookupFor(new URL(origin)),
        timeout: Math.min(this.timeoutMs, MAX_CONNECT_MS),
      },
      keepAliveTimeout: KEEP_ALIVE_MS,
      // A receiver may ask to be kept for less, not for more.
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      clientTtl: CONNECTION_TTL_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // One connection, one call: what a receiver does to one touches no other.
      allowH2: false,
      pipelining: 1,
    });
    this.pools.set(origin, pool);
    return pool;
  }
}

/** The beginning of an answer. The connection is dropped where there is more of it, or it does not end. */
async function readSome(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => body.destroy(), ANSWER_MS);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxBytes) break;
    }
  } catch {
    // The status is there already: an answer that breaks off or takes too long is as long as it came.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}
