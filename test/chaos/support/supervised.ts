import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#libs/testing';
import { App } from '../../e2e/support/installation.js';
import { adminOf, type World } from './world.js';

const ENTRY = 'test/chaos/support/supervisor.process.mjs';
/** As a service manager waits before it starts a service again. */
const AGAIN_MS = 100;
const LOOK_MS = 50;

/** `npm start`, kept running as a service manager does, on a data directory and a private Redis of its own. */
export class Supervised {
  private supervisor!: App;
  private readonly dataDir: string;

  private constructor(
    private readonly world: World,
    private readonly port: number,
  ) {
    this.dataDir = path.join(world.redis.dir, 'data');
  }

  static async start(world: World): Promise<Supervised> {
    const supervised = new Supervised(world, await freePort());
    await supervised.start();
    return supervised;
  }

  /** Starts it, again where it does not come up. Resolves when it is ready. */
  async start(): Promise<void> {
    const { port, dataDir, world } = this;
    const { foretell } = world;
    const env = { ...foretell.env, REDIS_URL: '', PORT: String(port), DATA_DIR: dataDir };
    for (;;) {
      // To its clients it is an api.
      const app = App.run('api', env, ENTRY);
      foretell.apps.push(app);
      app.url = `http://127.0.0.1:${port}`;
      this.supervisor = app;
      while (app.isRunning && !app.lines.some((line) => line.includes('status_url'))) {
        await delay(LOOK_MS);
      }
      if (app.isRunning) break;
      await delay(AGAIN_MS);
    }
    world.admin.disconnect();
    const told = await readFile(path.join(dataDir, 'redis/redis-process.json'), 'utf8');
    const redis = JSON.parse(told) as { port: number };
    world.admin = adminOf(`redis://127.0.0.1:${redis.port}`);
  }

  /** Its lines since it was last started. */
  get lines(): readonly string[] {
    return this.supervisor.lines;
  }

  /** SIGKILL. @param all of its descendants as well, at once. Resolves when it is gone. */
  async kill(all: boolean): Promise<void> {
    const pids = all ? descendants(this.supervisor.pid) : [this.supervisor.pid];
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await this.supervisor.ended;
  }
}

/** A process and all that it, and those, have started. */
function descendants(pid: number): number[] {
  const table = execFileSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) {
    found.push(...rows.flatMap(([child = 0, of]) => (of === parent ? [child] : [])));
  }
  return found;
}
