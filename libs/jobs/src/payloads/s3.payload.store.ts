import { setTimeout as sleep } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import { Pool } from 'undici';
import { ConfigError } from '#libs/config';
import type { Payload, PayloadStore } from './payload.store.js';
import type { S3Location } from './s3.location.js';

export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** A request, with all its tries, takes no longer: somebody waits for it. */
const TIMEOUT_MS = 20_000;
const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 100;
const TOO_MANY_REQUESTS = 429;
/** So that one that hangs takes no more sockets; what comes on top waits for one. */
const MAX_CONNECTIONS = 128;
/** Deletions under way at once. */
const MAX_DELETIONS = 16;
const PROBE = '.foretell-probe';

/** S3 refused a request. */
class S3Refusal extends Error {
  override readonly name = 'S3Refusal';

  constructor(
    readonly status: number,
    /** S3's own word for it, such as `NoSuchKey`; '' where the answer has none. */
    readonly code: string,
    detail: string,
  ) {
    super(`S3 answered ${[String(status), code, detail].filter((part) => part !== '').join(' ')}`);
  }
}

/** Payloads as objects of an S3-compatible bucket. */
export class S3PayloadStore implements PayloadStore {
  private readonly client: AwsClient;
  private readonly pool: Pool;

  private constructor(
    private readonly location: S3Location,
    credentials: S3Credentials,
  ) {
    const { sessionToken, ...keys } = credentials;
    this.client = new AwsClient({
      ...keys,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 's3',
      region: location.region,
    });
    this.pool = new Pool(new URL(location.base).origin, { connections: MAX_CONNECTIONS });
  }

  /** @throws ConfigError when it cannot do with the bucket what it will have to. */
  static async open(location: S3Location, credentials: S3Credentials): Promise<S3PayloadStore> {
    const store = new S3PayloadStore(location, credentials);
    try {
      // S3 says 403 of a missing object, rather than 404, to a key that may not list the bucket.
      await store.read(`${PROBE}-absent`);
      await store.send('PUT', PROBE, 'ok');
      await store.send('DELETE', PROBE);
    } catch (cause) {
      throw new ConfigError(`STORE_URL: ${plainWords(cause, location)}`, { cause });
    }
    return store;
  }

  async put(payload: Payload, text: string): Promise<void> {
    await this.send('PUT', keyOf(payload), text);
  }

  get(payload: Payload): Promise<string | null> {
    return this.read(keyOf(payload));
  }

  async delete(payloads: readonly Payload[]): Promise<void> {
    for (let i = 0; i < payloads.length; i += MAX_DELETIONS) {
      const some = payloads.slice(i, i + MAX_DELETIONS);
      await Promise.all(some.map((payload) => this.send('DELETE', keyOf(payload))));
    }
  }

  private async read(key: string): Promise<string | null> {
    try {
      return await this.send('GET', key);
    } catch (error) {
      if (error instanceof S3Refusal && error.code === 'NoSuchKey') return null;
      throw error;
    }
  }

  /** @returns the body of the answer. @throws Error after the last try, or S3Refusal at once. */
  private async send(
    method: 'GET' | 'PUT' | 'DELETE',
    key: string,
    body?: string,
  ): Promise<string> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    for (let tries = 1; ; tries++) {
      try {
        return await this.sendOnce(method, key, body, signal);
      } catch (error) {
        if (tries === MAX_TRIES || signal.aborted || !mayPass(error)) throw error;
      }
      await sleep(Math.random() * FIRST_PAUSE_MS * 2 ** tries);
    }
  }

  private async sendOnce(
    method: 'GET' | 'PUT' | 'DELETE',
    key: string,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const content = body === undefined ? {} : { body };
    const { url, headers } = await this.client.sign(this.location.base + key, {
      method,
      ...content,
    });
    const { pathname, search } = new URL(url);
    const answer = await this.pool.request({
      method,
      path: pathname + search,
      headers: Object.fromEntries(headers),
      signal,
      ...content,
    });
    const text = await answer.body.text();
    const { statusCode } = answer;
    if (statusCode >= 200 && statusCode < 300) return text;
    throw new S3Refusal(statusCode, element(text, 'Code'), element(text, 'Message'));
  }
}

function keyOf({ id, name }: Payload): string {
  return `${id}/${name}`;
}

/** The content of an element of S3's answers, which are flat. */
function element(xml: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof S3Refusal)) return true;
  return error.status >= 500 || error.status === TOO_MANY_REQUESTS;
}

function plainWords(error: unknown, { bucket, base, region }: S3Location): string {
  const { origin } = new URL(base);
  if (!(error instanceof S3Refusal)) {
    const { message, cause } = error as Error;
    return `no S3 answers at ${origin} (${cause instanceof Error ? cause.message : message})`;
  }
  const { status, code, message } = error;
  if (code === 'NoSuchBucket') return `there is no bucket ${bucket} at ${origin}`;
  if (status === 301 || status === 307 || code === 'AuthorizationHeaderMalformed') {
    return `the bucket ${bucket} is not in region ${region} (${message})`;
  }
  if (status === 403) {
    return `the key may not get, put, delete and list objects of ${bucket} (${message})`;
  }
  return `the bucket ${bucket} at ${origin} cannot be used (${message})`;
}
