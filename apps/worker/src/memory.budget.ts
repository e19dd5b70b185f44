import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';

/** What a runner process takes before it has a graph open. */
const RUNNER_BYTES = 100 * 1024 * 1024;
const MEBIBYTE = 1024 * 1024;

/** Something whose memory can be had back. */
export interface Loadable {
  readonly memoryBytes: number;
  readonly lastUsedMs: number;
  readonly isIdle: boolean;
  /** Stays loaded whatever others need. */
  readonly isPinned: boolean;
  unload(): Promise<void>;
}

/**
 * Keeps the runner processes of this worker within `MEMORY_BUDGET_MB` by unloading versions that are
 * idle, least recently used first. Versions that have work are never touched: should those alone need
 * more, that is said, and they get it.
 */
@Injectable()
export class MemoryBudget {
  private readonly logger = new Logger('Memory');
  private readonly limitBytes: number;
  private loadables: () => Loadable[] = () => [];
  private spares: () => Loadable[] = () => [];

  constructor(@Inject(CONFIG) config: Config) {
    this.limitBytes = config.models.MEMORY_BUDGET_MB * MEBIBYTE;
  }

  watch(loadables: () => Loadable[]): void {
    this.loadables = loadables;
  }

  /** What gives way to everything else. */
  watchSpares(spares: () => Loadable[]): void {
    this.spares = spares;
  }

  /** Before runners start. @param starting is left alone. */
  async makeRoom(starting: Loadable, instances: number): Promise<void> {
    await this.keepWithin(this.limitBytes - instances * RUNNER_BYTES, starting, [
      this.spares,
      this.loadables,
    ]);
  }

  /** After runners have grown. @param newest is left alone. */
  async enforce(newest: Loadable): Promise<void> {
    await this.keepWithin(this.limitBytes, newest, [this.spares, this.loadables]);
  }

  /** Before the runner of a spare one starts. @throws Error where others would have to make room. */
  makeSpareRoom(): void {
    if (this.limitBytes > 0 && this.usedBytes() + RUNNER_BYTES > this.limitBytes) {
      throw new Error('MEMORY_BUDGET_MB leaves no room for it');
    }
  }

  /** After the runner of a spare one has grown. */
  async enforceSpares(): Promise<void> {
    await this.keepWithin(this.limitBytes, undefined, [this.spares]);
  }

  /** @param order whose memory is to be had, the first first. */
  private async keepWithin(
    limitBytes: number,
    except: Loadable | undefined,
    order: (() => Loadable[])[],
  ): Promise<void> {
    if (this.limitBytes === 0) return;
    for (let usedBytes = this.usedBytes(); usedBytes > limitBytes; usedBytes = this.usedBytes()) {
      const [oldest] = order.flatMap((loadables) =>
        loadables()
          .filter((l) => l !== except && l.isIdle && !l.isPinned && l.memoryBytes > 0)
          .sort((a, b) => a.lastUsedMs - b.lastUsedMs),
      );
      if (!oldest) {
        const line = { used_mb: Math.round(usedBytes / MEBIBYTE) };
        this.logger.warn(line, 'the models that have work need more than MEMORY_BUDGET_MB');
        return;
      }
      await oldest.unload();
    }
  }

  private usedBytes(): number {
    const all = [...this.spares(), ...this.loadables()];
    return all.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  }
}
