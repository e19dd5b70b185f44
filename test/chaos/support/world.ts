import { Redis } from 'ioredis';
import { type App, type AppName, Installation } from '../../e2e/support/installation.js';
import { modelsDir } from '../../e2e/support/models.js';
import { Hooks } from './hooks.js';
import { type Accepted, Ledger } from './ledger.js';
import { Load } from './load.js';
import { ProcessWatch } from './process-watch.js';
import { Random } from './random.js';
import { RedisProcess } from './redis.process.js';
import type { PromiseKept } from './report.js';

export interface WorldOptions {
  /** Processes that are started; another of each may be named again. */
  apps?: AppName[];
  env?: NodeJS.ProcessEnv;
  /** As for `modelsDir`. */
  models?: string[];
  /** What is served instead of these. */
  dir?: () => Promise<string>;
  /** Arguments of its Redis, beyond those of `npm start`. */
  redisArgs?: string[];
  /** Its faults make Redis lose data: then jobs may be lost of which the api says so, and others end anew. */
  losesData?: boolean;
  /** The Redis that it gets; absent: one of its own, on its own. */
  redis?: () => Promise<RedisProcess>;
  /** Settings that are known once its Redis is up: a REDIS_URL that leads through a proxy. */
  through?: (redis: RedisProcess) => Promise<NodeJS.ProcessEnv>;
}

export interface Fault {
  name: string;
  /** ms since the epoch. */
  from: number;
  /** When it was over, and what it stopped could go on. */
  to: number;
}

const KEY = 'chaos-key-that-no-log-may-hold';
/** 24 bytes in base64. */
const SECRET = 'whsec_bm8gbG9nIG1heSBob2xkIHRoaXMgdGV4dA==';
/** As they are unless an operator sets them, where the tests' installation has shorter ones. */
const DEFAULTS = {
  LOCK_DURATION_MS: '8000',
  STALLED_INTERVAL_MS: '4000',
  // Behind which there may be several apis: a job reads alike from all of them.
  PUBLIC_URL: 'http://foretell.test',
};

/** An installation of real processes, clients that use it, and a receiver: what a case breaks. */
export class World {
  readonly hooks = new Hooks();
  readonly ledger = new Ledger();
  readonly faults: Fault[] = [];
  readonly promises: PromiseKept[] = [];
  readonly secrets = [KEY, SECRET, SECRET.slice('whsec_'.length)];
  readonly random: Random;
  readonly load: Load;
  readonly watch = new ProcessWatch(() => this.foretell.apps);
  /** Straight to its Redis, whatever lies between that and the apps. */
  admin: Redis;

  private constructor(
    readonly foretell: Installation,
    readonly redis: RedisProcess,
    seed: number,
    readonly losesData: boolean,
  ) {
    this.random = new Random(seed);
    this.admin = adminOf(redis.url);
    const target = {
      urls: () => this.urls,
      headers: { authorization: `Bearer ${KEY}` },
      hook: '',
    };
    this.load = new Load(target, this.ledger, new Random(seed + 1));
    this.opened = this.hooks.start().then(() => {
      target.hook = this.hooks.url;
    });
  }

  private readonly opened: Promise<void>;

  static async start(seed: number, options: WorldOptions): Promise<World> {
    const redis = await (options.redis?.() ?? RedisProcess.start(options.redisArgs));
    const dir = await (options.dir?.() ??
      modelsDir(...(options.models ?? ['fixture:slow', 'iris'])));
    const env = {
      ...DEFAULTS,
      MODELS_DIR: dir,
      API_KEYS: `chaos:${KEY}`,
      WEBHOOK_SECRET: SECRET,
      ...options.env,
      ...(await options.through?.(redis)),
    };
    const world = new World(
      await Installation.start(env, options.apps, redis),
      redis,
      seed,
      options.losesData ?? false,
    );
    await world.opened;
    world.watch.note();
    return world;
  }

  /** The apis that run. */
  get urls(): string[] {
    const apis = this.running('api')
      .map(({ url }) => url)
      .filter((url) => url !== '');
    // Clients keep the address of one that is gone.
    return apis.length > 0 ? apis : this.foretell.apps.filter(isApi).map(({ url }) => url);
  }

  running(name: AppName): App[] {
    return this.foretell.apps.filter((app) => app.name === name && app.isRunning);
  }

  /** Starts one more process. */
  async add(name: AppName, env: NodeJS.ProcessEnv = {}, root?: string): Promise<App> {
    return this.foretell.add(name, env, root);
  }

  /** SIGKILL, and resolves when it is gone. */
  async kill(app: App, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    app.kill(signal);
    return app.ended;
  }

  /** Injects a fault. @param act resolves when it is over. */
  async fault(name: string, act: () => Promise<unknown> | undefined): Promise<Fault> {
    const fault = { name, from: Date.now(), to: Infinity };
    this.faults.push(fault);
    await act();
    fault.to = Date.now();
    return fault;
  }

  /** States what was measured of a promise. One that is not kept is told in the report; far from it, the case fails. */
  promise(
    what: string,
    {
      bound,
      measured,
      unit = 'ms',
    }: Omit<PromiseKept, 'what' | 'unit'> & { unit?: PromiseKept['unit'] },
  ): void {
    this.promises.push({ what, bound, measured: Math.round(measured), unit });
  }

  /** Resolves once so many jobs have been accepted since it was called. */
  async accepted(count: number): Promise<void> {
    const target = this.ledger.jobs.size + count;
    while (this.ledger.jobs.size < target) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Resolves once these have been seen to have ended. */
  async ended(jobs: readonly Accepted[]): Promise<void> {
    while (jobs.some(({ end }) => !end)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async stop(): Promise<void> {
    await this.load.close();
    for (const app of this.foretell.apps) if (app.isRunning) app.kill('SIGCONT');
    this.admin.disconnect();
    await this.foretell.stop();
    this.hooks.stop();
  }
}

/** A connection that outlives its Redis' outages. */
export function adminOf(url: string): Redis {
  const admin = new Redis(url, { maxRetriesPerRequest: null });
  admin.on('error', () => undefined);
  return admin;
}

function isApi({ name, url }: App): boolean {
  return name === 'api' && url !== '';
}
