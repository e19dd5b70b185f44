import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Client } from './client.js';

const ROOT = path.join(import.meta.dirname, '../../..');

export type AppName = 'api' | 'worker' | 'courier';
export type LogLine = Record<string, unknown> & { msg?: string };

/** A process of the installation, as an operator sees it: its lines, its address, its end. */
export class App {
  readonly lines: string[] = [];
  readonly ended: Promise<number | null>;
  /** Where it listens, once it is ready. */
  url = '';
  private readonly listeners = new Set<() => void>();

  private constructor(
    readonly name: AppName,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.hear(line));
    }
    this.ended = once(child, 'exit').then(([code]) => code as number | null);
  }

  /** @param root of the checkout whose build runs. */
  static spawn(name: AppName, env: NodeJS.ProcessEnv, root = ROOT): App {
    return App.run(name, env, `dist/apps/${name}/src/main.js`, root);
  }

  /** Runs a program of the checkout as if it were an app. */
  static run(name: AppName, env: NodeJS.ProcessEnv, entry: string, root = ROOT): App {
    const child = spawn(process.execPath, ['--enable-source-maps', entry], {
      cwd: root,
      env: { PATH: process.env['PATH'], LOG_LEVEL: 'info', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    return new App(name, child);
  }

  /** @returns the address it listens on. @throws Error with its output when it ends instead. */
  async ready(): Promise<string> {
    const message = new Promise<{ url: string }>((resolve) => this.child.once('message', resolve));
    const ended = this.ended.then((code) => {
      throw new Error(`${this.name} ended with ${code}:\n${this.lines.join('\n')}`);
    });
    this.url = (await Promise.race([message, ended])).url;
    return this.url;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get log(): LogLine[] {
    return this.lines.filter((l) => l.startsWith('{')).map((l) => JSON.parse(l) as LogLine);
  }

  /** Resolves to the first line, already written or still to come, that `matches`. */
  line(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return this.first(() => this.log.find(matches));
  }

  /** As `line`, for what need be no JSON. */
  text(matches: (line: string) => boolean): Promise<string> {
    return this.first(() => this.lines.find(matches));
  }

  private async first<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.listeners.add(resolve));
      this.listeners.clear();
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  private hear(line: string): void {
    this.lines.push(line);
    for (const listener of this.listeners) listener();
  }
}

/** The runner processes of a worker. */
export function runners(workerPid: number): number[] {
  const pids = execFileSync('pgrep', ['-P', String(workerPid)], { encoding: 'utf8' });
  return pids.trim().split('\n').map(Number);
}

/** A real installation on a Redis of its own: processes as they run in production. */
export class Installation {
  readonly apps: App[] = [];
  private constructor(
    readonly redis: TestRedis,
    readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * Starts one api, worker and courier. @param env settings beyond the defaults. @param given the Redis that they use, and
   *   that ends with them; absent: a new one.
   */
  static async start(
    env: NodeJS.ProcessEnv = {},
    names: AppName[] = ['api', 'worker', 'courier'],
    given?: TestRedis,
  ): Promise<Installation> {
    const redis = given ?? (await startTestRedis());
    const installation = new Installation(redis, {
      REDIS_URL: redis.url,
      PORT: '0',
      OUTBOUND_ALLOW: '127.0.0.0/8',
      LOCK_DURATION_MS: '2000',
      STALLED_INTERVAL_MS: '1000',
      ...env,
    });
    try {
      await Promise.all(names.map((name) => installation.add(name)));
      if (names.includes('worker')) await installation.client.untilSettled();
    } catch (error) {
      await installation.stop();
      throw error;
    }
    return installation;
  }

  client!: Client;

  /** Starts one more process of an app. @param root as for `App.spawn`. */
  async add(name: AppName, env: NodeJS.ProcessEnv = {}, root?: string): Promise<App> {
    const app = App.spawn(name, { ...this.env, ...env }, root);
    this.apps.push(app);
    const url = await app.ready();
    if (name === 'api') {
      this.client = new Client(url);
      await this.client.untilReady();
    }
    return app;
  }

  app(name: AppName): App {
    const app = this.apps.findLast((a) => a.name === name);
    if (!app) throw new Error(`no ${name} was started`);
    return app;
  }

  /** Ends everything as an operator would. @returns exit codes by app, in the order of their start. */
  async stop(): Promise<[AppName, number | null][]> {
    for (const app of this.apps) app.kill('SIGTERM');
    const codes = await Promise.all(
      this.apps.map(async (app): Promise<[AppName, number | null]> => [app.name, await app.ended]),
    );
    await this.redis.stop();
    return codes;
  }
}
