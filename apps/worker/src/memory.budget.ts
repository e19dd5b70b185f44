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

  constructor(@Inject(CONFIG) config: Config) {
    this.limitBytes = config.models.MEMORY_BUDGET_MB * MEBIBYTE;
  }

  watch(loadables: () => Loadable[]): void {
    this.loadables = loadables;
  }

  /** Before runners start. @param starting is left alone. */
  async makeRoom(starting: Loadable, instances: number): Promise<void> {
    await this.keepWithin(this.limitBytes - instances * RUNNER_BYTES, starting);
  }

  /** After runners have grown. @param newest is left alone. */
  async enforce(newest: Loadable): Promise<void> {
    await this.keepWithin(this.limitBytes, newest);
  }

  private async keepWithin(limitBytes: number, except: Loadable): Promise<void> {
    if (this.limitBytes === 0) return;
    for (;;) {
      const all = this.loadables();
      const usedBytes = all.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
      if (usedBytes <= limitBytes) return;
      const [oldest] = all
        .filter((l) => l !== except && l.isIdle && !l.isPinned && l.memoryBytes > 0)
        .sort((a, b) => a.lastUsedMs - b.lastUsedMs);
      if (!oldest) {
        const line = { used_mb: Math.round(usedBytes / MEBIBYTE) };
        this.logger.warn(line, 'the models that have work need more than MEMORY_BUDGET_MB');
        return;
      }
      await oldest.unload();
    }
  }
}
