import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal, type JobView } from '#libs/contracts';

/** Between two looks of a polling client. */
const POLL_MS = 20;
/** A bound on waiting, not on speed. */
const PATIENCE_MS = 90_000;

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

/** A client as users write one: plain HTTP, polling. */
export class Client {
  constructor(
    readonly url: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  withHeaders(headers: Record<string, string>): Client {
    return new Client(this.url, { ...this.headers, ...headers });
  }

  async get<T = Record<string, unknown>>(path: string): Promise<Answer<T>> {
    return answer<T>(await fetch(new URL(path, this.url), { headers: this.headers }));
  }

  /** Posts a value as JSON, or a text, bytes or form as they are. */
  async post<T = Record<string, unknown>>(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const raw = typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array;
    const type: Record<string, string> =
      body instanceof FormData ? {} : { 'content-type': 'application/json' };
    const response = await fetch(new URL(path, this.url), {
      method: 'POST',
      headers: { ...type, ...this.headers, ...headers },
      body: raw ? (body as RequestInit['body'] & {}) : JSON.stringify(body),
    });
    return answer<T>(response);
  }

  async put<T = Record<string, unknown>>(path: string, body: unknown): Promise<Answer<T>> {
    const response = await fetch(new URL(path, this.url), {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...this.headers },
      body: JSON.stringify(body),
    });
    return answer<T>(response);
  }

  async delete<T = Record<string, unknown>>(path: string): Promise<Answer<T>> {
    const response = await fetch(new URL(path, this.url), {
      method: 'DELETE',
      headers: this.headers,
    });
    return answer<T>(response);
  }

  /** Submits and expects to be accepted: 200 where a job with an idempotency key has ended already. */
  async submit(
    model: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<JobView> {
    const accepted = await this.post<JobView>(`/v1/models/${model}/predict`, body, headers);
    if (accepted.status !== 202 && accepted.status !== 200) {
      throw new Error(`not accepted: ${accepted.status} ${JSON.stringify(accepted.body)}`);
    }
    return accepted.body;
  }

  /** Polls a job until it has ended. */
  async ended({ id }: { id: string }): Promise<JobView> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const { body } = await this.get<JobView>(`/v1/jobs/${id}`);
      if (isTerminal(body.status)) return body;
      if (Date.now() > deadline) throw new Error(`${id} is still ${body.status}`);
      await delay(POLL_MS);
    }
  }

  /** Submits and polls to the end. */
  async predict(model: string, body: unknown): Promise<JobView> {
    return this.ended(await this.submit(model, body));
  }

  /** Polls a path until its answer is as wanted. */
  async until<T>(path: string, wanted: (answer: Answer<T>) => boolean): Promise<Answer<T>> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = await this.get<T>(path);
      if (wanted(found)) return found;
      if (Date.now() > deadline) throw new Error(`${path} is still ${JSON.stringify(found.body)}`);
      await delay(POLL_MS);
    }
  }

  /** Polls a job until it runs. */
  async running({ id }: { id: string }): Promise<void> {
    for (;;) {
      const { body } = await this.get<JobView>(`/v1/jobs/${id}`);
      if (body.status !== 'queued') return;
      await delay(POLL_MS);
    }
  }

  /** Until the api has heard from its worker that every model is loaded, or has failed. */
  async untilSettled(): Promise<void> {
    for (;;) {
      const { body } = await this.get<{
        workers: unknown[];
        models: { versions: { state: string }[] }[];
      }>('/health');
      const states = body.models.flatMap(({ versions }) => versions.map(({ state }) => state));
      const settled = states.every((state) => state !== 'loading');
      if (body.workers.length > 0 && settled) return;
      await delay(POLL_MS);
    }
  }

  async untilReady(): Promise<void> {
    while ((await this.get('/health/ready')).status !== 200) await delay(POLL_MS);
  }
}

async function answer<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') === true;
  return {
    status: response.status,
    headers: response.headers,
    body: (json ? JSON.parse(text) : { text }) as T,
  };
}
