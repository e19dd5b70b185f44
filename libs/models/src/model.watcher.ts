import { isDeepStrictEqual } from 'node:util';
import { ModelRepository, type StoredModel } from './model.repository.js';

export interface ModelWatcherOptions {
  /** From one scan to the next; 0: only the first, and those that are asked for. */
  intervalMs: number;
  /** All there is, by name, when that is not what was told last. */
  onChange: (models: StoredModel[]) => void;
  /** The folder, or a model in it, could not be read; once for each new kind of trouble. */
  onError: (error: Error) => void;
}

/**
 * Tells what changes under a folder of models. It reads the folder again and again, as inotify hears
 * nothing of changes that other machines make on NFS, that the host makes in a Docker bind mount on a
 * desktop, or of the swapped links of a Kubernetes ConfigMap.
 *
 * A model's change is told once two scans in a row have found the same: a file that is being copied
 * still grows. Each model settles for itself. What cannot be read (the folder is briefly away) stays
 * as it was; only a folder that is read and found empty is empty. A copy that pauses for longer than
 * two scans, or an NFS that caches sizes for longer, can still show half a file: renaming into place is
 * the safe way.
 */
export class ModelWatcher {
  private readonly repository: ModelRepository;
  private told: ReadonlyMap<string, StoredModel> = new Map();
  /** By the last scan that could read it. */
  private found: ReadonlyMap<string, StoredModel> = new Map();
  private scanning: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private trouble: string | undefined;

  constructor(
    dir: string,
    private readonly options: ModelWatcherOptions,
  ) {
    this.repository = new ModelRepository(dir);
  }

  /**
   * @returns what the first scan finds, unsettled as it may be.
   * @throws Error when the folder cannot be read.
   */
  async start(): Promise<StoredModel[]> {
    this.told = this.found = byName(await this.repository.readAll());
    if (this.options.intervalMs > 0 && !this.stopped) {
      this.timer = setInterval(() => void this.scan(), this.options.intervalMs);
    }
    return [...this.told.values()];
  }

  /** Nothing is told from then on. */
  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  /** Scans, unless a scan is under way: then resolves with that one. */
  scan(): Promise<void> {
    this.scanning ??= this.look().finally(() => (this.scanning = undefined));
    return this.scanning;
  }

  private async look(): Promise<void> {
    const { found, unread, error } = await this.read();
    if (this.stopped) return;
    this.complain(error);
    const settled = this.settle(found, unread);
    this.found = found;
    if (isDeepStrictEqual(settled, this.told)) return;
    this.told = settled;
    this.options.onChange([...settled.values()]);
  }

  /** What can be read now; of the rest, what was found last. */
  private async read() {
    const found = new Map<string, StoredModel>();
    const unread = new Set<string>();
    let error: Error | undefined;
    const keep = (name: string, cause: unknown) => {
      error ??= cause as Error;
      unread.add(name);
      const before = this.found.get(name);
      if (before) found.set(name, before);
    };
    const read = async (name: string) => {
      try {
        const model = await this.repository.read(name);
        if (model) found.set(name, model);
      } catch (cause) {
        keep(name, cause);
      }
    };
    try {
      await Promise.all((await this.repository.folders()).map(read));
    } catch (cause) {
      error = cause as Error;
      for (const name of this.names(found)) keep(name, cause);
    }
    return { found, unread, error };
  }

  private settle(
    found: ReadonlyMap<string, StoredModel>,
    unread: ReadonlySet<string>,
  ): Map<string, StoredModel> {
    const settled: StoredModel[] = [];
    for (const name of this.names(found)) {
      const model = found.get(name);
      const same = !unread.has(name) && isDeepStrictEqual(model, this.found.get(name));
      const next = same ? model : this.told.get(name);
      if (next) settled.push(next);
    }
    return byName(settled);
  }

  private names(found: ReadonlyMap<string, StoredModel>): Set<string> {
    return new Set([...this.told.keys(), ...this.found.keys(), ...found.keys()]);
  }

  private complain(error: Error | undefined): void {
    if (error && error.message !== this.trouble) this.options.onError(error);
    this.trouble = error?.message;
  }
}

function byName(models: readonly StoredModel[]): Map<string, StoredModel> {
  return new Map(
    models
      .toSorted((a, b) => (a.model < b.model ? -1 : 1))
      .map((model): [string, StoredModel] => [model.model, model]),
  );
}
