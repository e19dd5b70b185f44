import type { ModelReport, WorkerReport } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';
import { scriptText } from './script.js';
import { subscribe } from './subscribe.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    announceWorker(...args: string[]): Result<number, Context>;
  }
}

/** A worker that has not reported for this long is gone. */
const REPORT_LIFETIME_MS = 15_000;

export interface Fleet {
  /** Reports of the workers that are alive. */
  workers: WorkerReport[];
  /**
   * What was served last; matters while no worker is alive, when jobs are still accepted. Null before any worker
   * has reported, or where Redis has lost it.
   */
  lastCatalog: ModelReport[] | null;
}

/** What every worker that has the version is to do. Doing it twice is doing it once. */
export interface FleetCommand {
  type: 'load' | 'unload';
  model: string;
  version: string;
}

/** What the workers say of themselves and their models, and what they are told, through Redis. */
export class FleetStore {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    redis.defineCommand('announceWorker', { numberOfKeys: 3, lua: scriptText('announce.lua') });
  }

  /** @param changed tells the apis at once instead of at their next look. */
  async announce(report: WorkerReport, changed: boolean): Promise<void> {
    await this.redis.announceWorker(
      this.keys.fleet,
      this.keys.worker(report.id),
      this.keys.lastCatalog,
      report.id,
      JSON.stringify(report),
      String(REPORT_LIFETIME_MS),
      JSON.stringify(report.models),
    );
    if (changed) await this.redis.publish(this.keys.fleetChannel, report.id);
  }

  /** A worker that stops says so; what it served stays known. */
  async withdraw(id: string): Promise<void> {
    await this.redis
      .multi()
      .zrem(this.keys.fleet, id)
      .unlink(this.keys.worker(id))
      .publish(this.keys.fleetChannel, id)
      .exec();
  }

  async read(): Promise<Fleet> {
    const ids = await this.redis.zrange(this.keys.fleet, 0, '-1');
    const [last, ...reports] = await this.redis.mget(
      this.keys.lastCatalog,
      ...ids.map((id) => this.keys.worker(id)),
    );
    return {
      // A report that has expired is null: its worker is gone.
      workers: reports.filter((r) => r !== null).map((r) => JSON.parse(r) as WorkerReport),
      lastCatalog: last ? (JSON.parse(last) as ModelReport[]) : null,
    };
  }

  /** Calls `listener` whenever some worker's report changed. @returns stops listening. */
  watch(listener: () => void): Promise<() => void> {
    return subscribe(this.redis, this.keys.fleetChannel, listener);
  }

  /** Tells the workers that are alive at this moment; what comes of it is in their reports. */
  async command(command: FleetCommand): Promise<void> {
    await this.redis.publish(this.keys.commandChannel, JSON.stringify(command));
  }

  /**
   * Calls `listener` with each command. One that is sent while Redis is away from here is lost.
   * @returns stops listening.
   */
  onCommand(listener: (command: FleetCommand) => void): Promise<() => void> {
    return subscribe(this.redis, this.keys.commandChannel, (message) => {
      listener(JSON.parse(message) as FleetCommand);
    });
  }
}
