import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '#libs/testing';

const POLL_MS = 50;

/** Absolute paths. */
export interface PrometheusBinaries {
  prometheus: string;
  promtool: string;
}

/** A value of an instant query. */
export interface Sample {
  metric: Record<string, string>;
  value: [timeS: number, value: string];
}

export interface Rule {
  name: string;
  state: string;
  health: string;
  lastError?: string;
}

interface Answer {
  status: string;
  error?: string;
  data: unknown;
}

/** Runs promtool. @throws Error with what it wrote, when it complains. */
export async function promtool({ promtool }: PrometheusBinaries, args: string[], cwd: string) {
  const { stdout } = await promisify(execFile)(promtool, args, { cwd });
  return stdout;
}

/** A Prometheus of a test's own, on the loopback. */
export class Prometheus {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly written: string[],
  ) {}

  /** @param args but for where it listens. */
  static async start({ prometheus }: PrometheusBinaries, args: string[]): Promise<Prometheus> {
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(prometheus, [...args, `--web.listen-address=${address}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const written: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => written.push(String(chunk)));
    process.once('exit', () => child.kill('SIGKILL'));
    const started = new Prometheus(`http://${address}`, child, written);
    await started.untilReady();
    return started;
  }

  /** An instant query. @throws Error when Prometheus takes it for none. */
  async query(query: string): Promise<Sample[]> {
    const { result } = (await this.ask('query', { query })) as {
      result: Sample[];
    };
    return result;
  }

  /** Waits for a query to have an answer. */
  async until(query: string): Promise<void> {
    while ((await this.query(query)).length === 0) await delay(POLL_MS);
  }

  /** What Grafana's `label_values(series, label)` asks. */
  async labelValues(series: string, label: string): Promise<string[]> {
    return (await this.ask(`label/${label}/values`, { 'match[]': series })) as string[];
  }

  /** Every rule, once each was evaluated. */
  async rules(): Promise<Rule[]> {
    for (;;) {
      const { groups } = (await this.ask('rules')) as { groups: { rules: Rule[] }[] };
      const rules = groups.flatMap((group) => group.rules);
      if (rules.every(({ health }) => health !== 'unknown')) return rules;
      await delay(POLL_MS);
    }
  }

  /** Waits until every target was asked after now. @returns jobs of the targets that answered. */
  async scraped(): Promise<string[]> {
    const sinceMs = Date.now();
    for (;;) {
      const { activeTargets: targets } = (await this.ask('targets')) as {
        activeTargets: { labels: { job: string }; lastScrape: string; health: string }[];
      };
      if (targets.length > 0 && targets.every((t) => Date.parse(t.lastScrape) > sinceMs)) {
        return targets.filter(({ health }) => health === 'up').map(({ labels }) => labels.job);
      }
      await delay(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }

  private async ask(path: string, parameters: Record<string, string> = {}): Promise<unknown> {
    const url = new URL(`/api/v1/${path}`, this.url);
    url.search = String(new URLSearchParams(parameters));
    const response = await fetch(url);
    const { status, error = '', data } = (await response.json()) as Answer;
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${error}`);
    return data;
  }

  private async untilReady(): Promise<void> {
    for (;;) {
      if (this.child.exitCode !== null) {
        throw new Error(`Prometheus did not start:\n${this.written.join('')}`);
      }
      const response = await fetch(`${this.url}/-/ready`).catch(() => undefined);
      if (response?.ok === true) return;
      await delay(POLL_MS);
    }
  }
}
