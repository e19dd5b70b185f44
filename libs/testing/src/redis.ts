import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Redis of a test's own. */
export interface TestRedis {
  url: string;
  port: number;
  /** Ends it at once and removes what it wrote. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  /** A port that an earlier one had; absent: a free one. */
  port?: number;
  /** Further arguments of `redis-server`: `['--requirepass', 'x']`. */
  args?: readonly string[];
}

/** Another process may take a free port between the look and the start. */
const TRIES = 5;

/**
 * Starts an empty `redis-server` on the loopback, of FORETELL_REDIS_SERVER or of PATH.
 * @throws Error with what it wrote, when it does not come up.
 */
export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  let written = '';
  for (let i = 0; i < TRIES; i++) {
    const port = options.port ?? (await freePort());
    const dir = await mkdtemp(join(tmpdir(), 'foretell-redis-'));
    const child = spawn(
      process.env['FORETELL_REDIS_SERVER'] ?? 'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''].concat(
        options.args ?? [],
      ),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const killAtExit = () => child.kill('SIGKILL');
    process.once('exit', killAtExit);
    const stop = async () => {
      process.off('exit', killAtExit);
      await end(child);
      await rm(dir, { recursive: true, force: true });
    };
    const lines = await untilReady(child);
    if (lines === null) return { url: `redis://127.0.0.1:${String(port)}`, port, stop };
    written = lines;
    await stop();
  }
  throw new Error(`redis-server did not start:\n${written}`);
}

/** @returns null once it takes connections, or what it wrote before it ended. */
async function untilReady(child: ChildProcess): Promise<string | null> {
  if (!child.stdout) throw new TypeError('stdout is not piped');
  const failed = once(child, 'error').then(([error]) => {
    throw error;
  });
  failed.catch(() => undefined);
  const written: string[] = [];
  const look = async () => {
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      if (line.includes('Ready to accept connections')) return null;
      written.push(line);
    }
    return written.join('\n');
  };
  const answer = await Promise.race([look(), failed]);
  child.stdout.resume();
  return answer;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** A port of the loopback that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
