import type { Dispatcher } from 'undici';
import { failureOf, isOwnTrouble, mayPass } from './attempt-failure.js';
import { FetchFailed } from './fetch-failed.js';
import type { OutboundClient } from './outbound.client.js';

const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Below 500, these say that the file may be there a moment later. */
const LATER = new Set([408, 425, 429]);
const HEADERS = { accept: '*/*', 'user-agent': 'Foretell-Inputs/1' };

type Answer = Dispatcher.ResponseData;

export interface FileFetcherOptions {
  /** From the first look-up to the last byte, redirects included. */
  timeoutMs: number;
  maxBytes: number;
}

/**
 * Fetches files that callers name by URL, through the guard: it judges every redirect as it judged the URL, at
 * the moment of connecting. What servers say of a file is not believed: its bytes are counted as they come.
 */
export class FileFetcher {
  constructor(
    private readonly client: OutboundClient,
    private readonly options: FileFetcherOptions,
  ) {}

  /** Most bytes that a file may have. */
  get maxBytes(): number {
    return this.options.maxBytes;
  }

  /**
   * The bytes of a file, at least one.
   * @param stopped ends it at once. @throws FetchFailed; what `stopped` was aborted with; what this machine has
   *   run out of, such as file descriptors, which says nothing of the file.
   */
  async fetch(url: string, stopped: AbortSignal): Promise<Buffer> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.options.timeoutMs), stopped]);
    try {
      return await this.follow(url, signal);
    } catch (error) {
      stopped.throwIfAborted();
      throw isOwnTrouble(error) ? error : this.failed(error);
    }
  }

  private async follow(url: string, signal: AbortSignal): Promise<Buffer> {
    let at = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await this.client.open(at, { method: 'GET', headers: HEADERS }, signal);
      if (answer.statusCode === 200) return this.read(answer);
      drop(answer);
      at = targetOf(answer, at);
    }
    throw unusable(`it redirects more than ${String(MAX_REDIRECTS)} times`);
  }

  private async read(answer: Answer): Promise<Buffer> {
    const { 'content-encoding': encoding, 'content-length': told } = answer.headers;
    const { maxBytes } = this.options;
    const tooLarge = `it has more than ${String(maxBytes)} bytes`;
    const coded = encoding !== undefined && String(encoding).toLowerCase() !== 'identity';
    if (coded || Number(told) > maxBytes) {
      drop(answer);
      throw unusable(coded ? 'it comes compressed (Content-Encoding)' : tooLarge);
    }
    const chunks: Buffer[] = [];
    let size = 0;
    // Leaving the loop drops the connection.
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw unusable(tooLarge);
      chunks.push(chunk);
    }
    if (size === 0) throw unusable('it is empty');
    return Buffer.concat(chunks, size);
  }

  private failed(error: unknown): FetchFailed {
    if (error instanceof FetchFailed) return error;
    const { outcome, error: message } = failureOf(error);
    if (outcome === 'forbidden') return new FetchFailed(message, 'forbidden', false);
    if (outcome !== 'timed-out') return new FetchFailed(message, 'unreachable', mayPass(error));
    const within = `within ${String(this.options.timeoutMs / 1000)} s`;
    return new FetchFailed(`it was not there ${within} (${message})`, 'timed-out', true);
  }
}

/** Gives up the rest of an answer, and its connection: who drips it would hold both. */
function drop({ body }: Answer): void {
  body.on('error', () => undefined).destroy();
}

/** Where an answer that is no file leads. @throws FetchFailed where it leads nowhere. */
function targetOf({ statusCode, headers: { location } }: Answer, from: string): string {
  if (!REDIRECTS.has(statusCode) || typeof location !== 'string') {
    const retryable = statusCode >= 500 || LATER.has(statusCode);
    throw new FetchFailed(`its server answered ${String(statusCode)}`, 'refused', retryable);
  }
  const next = URL.parse(location, from);
  if (!next) throw unusable('it redirects to what is no URL');
  if (/^https:/i.test(from) && next.protocol === 'http:') {
    throw unusable('it redirects from https to http');
  }
  return next.href;
}

function unusable(message: string): FetchFailed {
  return new FetchFailed(message, 'unusable', false);
}
