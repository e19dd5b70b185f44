import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, type TestRedis } from '#libs/testing';

/** As `npm start` runs its own. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];

/** A Redis that keeps what it has written, so that it can die and come back on the same port. */
export class RedisProcess implements TestRedis {
  private child: ChildProcess | undefined;
  private readonly killAtExit = () => this.child?.kill('SIGKILL');

  private constructor(
    readonly port: number,
    /** Where its append-only file is: in `appendonlydir`. */
    readonly dir: string,
    private readonly args: readonly string[],
    private readonly env: NodeJS.ProcessEnv,
    private readonly through: readonly string[],
  ) {
    process.once('exit', this.killAtExit);
  }

  /**
   * @param args of `redis-server`, beyond and after those of `npm start`. @param env as LD_PRELOAD.
   *   @param through a command that becomes it.
   */
  static async start(
    args: readonly string[] = [],
    {
      dir,
      env = {},
      through = [],
    }: { dir?: string; env?: NodeJS.ProcessEnv; through?: readonly string[] } = {},
  ): Promise<RedisProcess> {
    const folder = dir ?? (await mkdtemp(path.join(tmpdir(), 'foretell-chaos-')));
    const redis = new RedisProcess(await freePort(), folder, args, env, through);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** Resolves when it has ended, of whatever. */
  get ended(): Promise<unknown> {
    return this.child ? once(this.child, 'exit') : Promise.resolve();
  }

  /** Brings it up on what it has written. Resolves once it takes connections. */
  async start(): Promise<void> {
    const address = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.dir];
    const [command, ...rest] = [
      ...this.through,
      process.env['FORETELL_REDIS_SERVER'] ?? 'redis-server',
    ];
    const child = spawn(command, [...rest, ...address, ...DURABLE, ...this.args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...this.env },
    });
    this.child = child;
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.includes('Ready to accept connections')) {
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`redis-server did not start:\n${lines.join('\n')}`);
  }

  /** SIGKILL, SIGSTOP, SIGCONT… Resolves at once, or where the signal ends it, when it has ended. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await ended;
  }

  async stop(): Promise<void> {
    process.off('exit', this.killAtExit);
    await this.signal('SIGKILL');
    await rm(this.dir, { recursive: true, force: true });
  }
}
