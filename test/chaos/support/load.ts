import { setTimeout as delay } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { isTerminal, type JobView } from '#libs/contracts';
import type { Accepted, Ledger } from './ledger.js';
import type { Random } from './random.js';
import type { Work, Workload } from './workloads.js';

export interface LoadOptions {
  /** Submissions a second, however they are answered. */
  ratePerS: number;
  workloads: readonly Workload[];
  /** Share of the jobs whose end is told to the receiver. */
  hooked?: number;
  /** Share that is sent with an idempotency key: again and again, until it is accepted. */
  keyed?: number;
  /** Further headers, as of another caller. */
  headers?: Record<string, string>;
}

/** Where and how to send. */
export interface Target {
  /** The apis that are believed to be up. */
  urls: () => string[];
  headers: Record<string, string>;
  hook: string;
}

/** A client gives up then. */
const ANSWER_MS = 30_000;
const TICK_MS = 50;
/** What asks again, of an api that refused or was gone. */
const AGAIN_MS = 500;
/** Jobs that are asked for at once. */
const READERS = 8;
const LOOK_MS = 250;

/** Clients of an installation: they submit, write down what they were told, and read until their jobs have ended. */
export class Load {
  private submitting = false;
  private following = true;
  /** Of a few connections, which are closed before it is looked how many handles the api has. */
  private agent = new Agent({ connections: 64 });
  private readonly sent = new Set<Promise<void>>();
  private readonly loops: Promise<void>[] = [];

  constructor(
    private readonly target: Target,
    private readonly ledger: Ledger,
    private readonly random: Random,
  ) {
    this.loops.push(this.follow());
  }

  /** Begins to submit at a steady pace, whatever the answers are. */
  start(options: LoadOptions): void {
    this.submitting = true;
    this.loops.push(this.pace(options));
  }

  /** Submits one, until it is accepted where it has a key. @returns undefined where it was refused. */
  async submit(work: Work, { hooked = false, key }: { hooked?: boolean; key?: string } = {}) {
    for (;;) {
      const accepted = await this.send(work, hooked, key);
      if (accepted || key === undefined || !this.following) return accepted;
      await delay(AGAIN_MS);
    }
  }

  /** Resolves when what was sent is answered; those with keys are sent until they are accepted. */
  async stop(): Promise<void> {
    this.submitting = false;
    while (this.sent.size > 0) await Promise.all(this.sent);
  }

  /** Lets go of the connections to the apis; whatever is asked afterwards opens new ones. */
  async hangUp(): Promise<void> {
    const { agent } = this;
    this.agent = new Agent({ connections: 64 });
    await agent.close();
  }

  /** Ends the readers, too. */
  async close(): Promise<void> {
    this.submitting = false;
    this.following = false;
    await Promise.allSettled(this.loops);
    await this.agent.destroy();
  }

  private async pace({ ratePerS, workloads, hooked = 0, keyed = 0, headers }: LoadOptions) {
    let owed = 0;
    let last = performance.now();
    while (this.submitting) {
      const now = performance.now();
      owed = Math.min(owed + ((now - last) / 1000) * ratePerS, ratePerS);
      last = now;
      for (; owed >= 1; owed--) {
        const work = this.random.pick(workloads)(this.random);
        if (headers) work.headers = headers;
        const options = {
          hooked: this.random.chance(hooked),
          ...(this.random.chance(keyed) && { key: `key-${this.random.next()}` }),
        };
        const sent = this.submit(work, options).then(() => {
          this.sent.delete(sent);
        });
        this.sent.add(sent);
      }
      await delay(TICK_MS);
    }
  }

  private async send(work: Work, hooked: boolean, key?: string): Promise<Accepted | undefined> {
    const at = Date.now();
    const began = performance.now();
    const refuse = (status: number, code: string, unknown: boolean) => {
      const tookMs = performance.now() - began;
      this.ledger.refusals.push({ at, status, code, tookMs, unknown });
    };
    try {
      const url = this.random.pick(this.target.urls());
      const response = await fetch(new URL(`/v1/models/${work.model}/predict`, url), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...this.target.headers,
          ...work.headers,
          ...(key !== undefined && { 'idempotency-key': key }),
        },
        body: JSON.stringify({
          ...work.body,
          ...(hooked && { webhook: { url: this.target.hook } }),
        }),
        dispatcher: this.agent,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const body = (await response.json()) as JobView & { code?: string };
      if (response.status !== 202 && response.status !== 200) {
        refuse(response.status, body.code ?? '', body.code === 'acceptance-unknown');
        return undefined;
      }
      const tookMs = performance.now() - began;
      const accepted = { id: body.id, work, hooked, acceptedAt: Date.now(), tookMs };
      this.ledger.accept(accepted, key);
      return accepted;
    } catch (error) {
      const { code = '' } = ((error as Error).cause ?? {}) as { code?: string };
      // Nobody listened: then it did not go out either.
      refuse(0, code || (error as Error).name, code !== 'ECONNREFUSED');
      return undefined;
    }
  }

  /** Looks at some of what is open: the oldest, which end first, and others, which may have overtaken them. */
  private async follow(): Promise<void> {
    while (this.following) {
      const { open } = this.ledger;
      const others = Array.from({ length: 64 }, () =>
        this.random.pick(open.length ? open : [null]),
      );
      const looks = new Set([...open.slice(0, 64), ...others.filter((job) => job !== null)]);
      let ended = 0;
      const left = looks.values();
      const reader = async () => {
        for (const job of left) {
          await this.read(job);
          if (job.end) ended++;
        }
      };
      await Promise.all(Array.from({ length: READERS }, reader));
      if (ended === 0) await delay(LOOK_MS);
    }
  }

  /** Reads a job. @returns its status, as HTTP has it; 0 without an answer. */
  async read(job: Accepted): Promise<number> {
    try {
      const url = new URL(`/v1/jobs/${job.id}`, this.random.pick(this.target.urls()));
      const headers = { ...this.target.headers, ...job.work.headers };
      const signal = AbortSignal.timeout(ANSWER_MS);
      const response = await fetch(url, { headers, signal, dispatcher: this.agent });
      const body = (await response.json()) as JobView & { code?: string };
      job.lost = body.code === 'job-lost';
      if (response.status === 200) {
        job.last = body;
        if (isTerminal(body.status)) job.end ??= body;
      }
      return response.status;
    } catch {
      return 0;
    }
  }
}
