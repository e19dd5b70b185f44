import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#libs/testing';

const root = join(import.meta.dirname, '../..');
const START_MS = 60_000;
const STOP_MS = 40_000;

/** A process whose output is kept, and can be waited on line by line. */
class Watched {
  readonly lines: string[] = [];
  readonly exitCode: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #onLine = new Set<() => void>();

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        this.lines.push(line);
        for (const look of this.#onLine) look();
      });
    }
    this.exitCode = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        resolve(code);
        for (const look of this.#onLine) look();
      });
    });
  }

  get output(): string {
    return this.lines.join('\n');
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves to the first match in a line from `fromLine` on. */
  async line(pattern: RegExp, fromLine = 0): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      let next = fromLine;
      const settle = (done: () => void) => {
        clearTimeout(timer);
        this.#onLine.delete(look);
        done();
      };
      const look = () => {
        for (; next < this.lines.length; next += 1) {
          const match = pattern.exec(this.lines[next] ?? '');
          if (match) {
            settle(() => resolve(match));
            return;
          }
        }
        if (this.#child.exitCode !== null)
          settle(() => reject(new Error(`exited without ${pattern}:\n${this.output}`)));
      };
      const timer = setTimeout(
        () =>
          settle(() => reject(new Error(`no ${pattern} within ${START_MS} ms:\n${this.output}`))),
        START_MS,
      );
      this.#onLine.add(look);
      look();
    });
  }

  /** The process id last told for a name. */
  pidOf(name: string): number {
    const told = this.lines
      .flatMap((line) => new RegExp(`${name} started \\(pid (\\d+)\\)`).exec(line)?.[1] ?? [])
      .at(-1);
    if (told === undefined) throw new Error(`no pid of ${name} in:\n${this.output}`);
    return Number(told);
  }
}

/** Whether a process runs; one that only waits for its parent to read its exit does not. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) [ZX] /.test(stat);
}

async function allGone(pids: readonly number[]): Promise<boolean> {
  const deadline = Date.now() + STOP_MS;
  while (Date.now() < deadline) {
    const running = await Promise.all(pids.map(isRunning));
    if (!running.includes(true)) return true;
    await delay(50);
  }
  return false;
}

describe('npm start', () => {
  let dir: string;
  let started: Watched[];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'foretell-start-'));
    started = [];
  });

  afterEach(async () => {
    for (const process of started) process.kill('SIGTERM');
    await Promise.all(started.map(({ exitCode }) => exitCode));
    await rm(dir, { recursive: true, force: true });
  });

  function watch(
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = process.env,
  ): Watched {
    const watched = new Watched(command, args, env);
    started.push(watched);
    return watched;
  }

  async function start(env: NodeJS.ProcessEnv = {}) {
    const port = await freePort();
    // Set and empty, not absent: the developer's own .env must not decide here.
    const own = {
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: join(dir, 'data'),
      REDIS_URL: '',
      ...env,
    };
    const supervisor = watch(process.execPath, ['scripts/start.mjs'], { ...process.env, ...own });
    return { supervisor, port, baseUrl: `http://127.0.0.1:${port}` };
  }

  async function startReady() {
    const running = await start();
    await running.supervisor.line(/status_url/);
    const pids = ['redis', 'api', 'worker', 'courier'].map((name) =>
      running.supervisor.pidOf(name),
    );
    return { ...running, pids };
  }

  async function startRedis(args: readonly string[]): Promise<number> {
    const port = await freePort();
    const binary = process.env['FORETELL_REDIS_SERVER'] ?? 'redis-server';
    const redis = watch(binary, [
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--save',
      '',
      '--dir',
      dir,
      ...args,
    ]);
    await redis.line(/ready to accept connections/i);
    return port;
  }

  it(
    'becomes ready, says where everything is, and ends with all its processes on SIGTERM',
    async () => {
      const { supervisor, baseUrl, pids } = await startReady();

      expect((await fetch(`${baseUrl}/health/ready`)).status).toBe(200);
      for (const path of ['/v1', '/docs', '/admin/queues', '/health/ready', '/metrics']) {
        expect(supervisor.lines).toContainEqual(
          expect.stringMatching(new RegExp(`^  [A-Z].* ${baseUrl}${path}$`)),
        );
      }
      expect(supervisor.output).toContain(`curl -s -X POST ${baseUrl}/v1/models/iris/predict`);

      supervisor.kill('SIGTERM');

      expect(await supervisor.exitCode).toBe(0);
      expect(await allGone(pids)).toBe(true);
    },
    START_MS + STOP_MS,
  );

  it(
    'restarts a worker and a Redis that were killed',
    async () => {
      const { supervisor } = await startReady();
      for (const name of ['worker', 'redis']) {
        const before = supervisor.pidOf(name);
        const seen = supervisor.lines.length;

        process.kill(before, 'SIGKILL');

        await supervisor.line(
          new RegExp(`${name} was ended by SIGKILL .*restarting in 0.5 s`),
          seen,
        );
        const [, pid] = await supervisor.line(new RegExp(`${name} started \\(pid (\\d+)\\)`), seen);
        expect(Number(pid)).not.toBe(before);
      }
    },
    START_MS + STOP_MS,
  );

  it(
    'takes Redis and the apps with it when it is killed, and starts on the same data again',
    async () => {
      const { supervisor, pids } = await startReady();

      supervisor.kill('SIGKILL');
      await supervisor.exitCode;

      expect(await allGone(pids)).toBe(true);
      await startReady();
    },
    2 * START_MS + 2 * STOP_MS,
  );

  it(
    'ends with all its processes on SIGTERM, also while its Redis hangs',
    async () => {
      const { supervisor, pids } = await startReady();
      process.kill(supervisor.pidOf('redis'), 'SIGSTOP');

      supervisor.kill('SIGTERM');

      expect(await supervisor.exitCode).toBe(0);
      expect(await allGone(pids)).toBe(true);
      // Each app has ended by itself.
      expect(supervisor.output).not.toContain('has not stopped');
    },
    START_MS + STOP_MS,
  );

  it(
    'leaves a data directory alone that another one uses',
    async () => {
      await startReady();
      const { supervisor } = await start();

      expect(await supervisor.exitCode).toBe(1);
      expect(supervisor.output).toMatch(
        /^foretell: the data directory .* is in use by process \d+/m,
      );
    },
    START_MS + STOP_MS,
  );

  it(
    'has its keys made, listed and revoked while it runs',
    async () => {
      const keys = async (...args: string[]) => {
        const env = { ...process.env, DATA_DIR: join(dir, 'data'), REDIS_URL: '' };
        const command = watch(process.execPath, ['scripts/keys.mjs', ...args], env);
        return [await command.exitCode, command.output] as const;
      };
      expect(await keys('list')).toEqual([1, expect.stringMatching(/^foretell: no Redis runs/)]);
      const { baseUrl } = await startReady();
      const [code, output] = await keys('create', '--name', 'ann', '--expires-in', '1h');
      const [key = '', id = ''] = /ftk_([a-z0-9]+)_[A-Za-z0-9]+/.exec(output) ?? [];
      expect(code).toBe(0);
      expect(await keys('list')).toEqual([0, expect.stringContaining(`${id}  ann`)]);

      const headers = { authorization: `Bearer ${key}` };
      const until = async (status: number) => {
        for (;;) {
          const answer = await fetch(`${baseUrl}/v1/models`, { headers });
          if (answer.status === status) return;
        }
      };
      expect((await fetch(`${baseUrl}/v1/models`, { headers })).status).toBe(200);
      expect((await fetch(`${baseUrl}/v1/models`)).status).toBe(401);
      expect(await keys('revoke', id)).toEqual([0, `revoked ${id}`]);
      await until(401);
      expect(await keys('revoke', id)).toEqual([1, expect.stringContaining(`no key ${id}`)]);
    },
    START_MS + STOP_MS,
  );

  it('says that its port is taken', async () => {
    const port = await startRedis([]);
    const { supervisor } = await start({ PORT: String(port) });

    expect(await supervisor.exitCode).toBe(1);
    expect(supervisor.output).toMatch(
      new RegExp(`^foretell: port ${port} on 127.0.0.1 is in use already`, 'm'),
    );
  }, 20_000);

  it('refuses a Redis that may evict jobs', async () => {
    const port = await startRedis(['--maxmemory-policy', 'allkeys-lru']);
    const { supervisor } = await start({ REDIS_URL: `redis://127.0.0.1:${port}` });

    expect(await supervisor.exitCode).toBe(1);
    expect(supervisor.output).toMatch(/^foretell: .*maxmemory-policy allkeys-lru.*noeviction/m);
  }, 20_000);

  it('says that a Redis wants a password', async () => {
    const port = await startRedis(['--requirepass', 'open-sesame']);
    const { supervisor } = await start({ REDIS_URL: `redis://127.0.0.1:${port}` });

    expect(await supervisor.exitCode).toBe(1);
    expect(supervisor.output).toMatch(/^foretell: .*wants a password/m);
  }, 20_000);
});
