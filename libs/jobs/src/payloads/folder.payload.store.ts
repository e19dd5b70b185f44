import { randomUUID } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError } from '#libs/config';
import type { Payload, PayloadStore } from './payload.store.js';

/** Tells the folder from the empty one that is left of it where a disk is not mounted. */
const MARKER = '.foretell-payloads';
/** What others than owner and group may do is left to nobody. */
const FOLDER_MODE = 0o770;
const FILE_MODE = 0o660;

/** Payloads as files of one folder, which all apps of the installation must share. */
export class FolderPayloadStore implements PayloadStore {
  private constructor(private readonly folder: string) {}

  /** @throws ConfigError when the folder cannot be written. */
  static async open(folder: string): Promise<FolderPayloadStore> {
    try {
      await write(folder, MARKER, 'Foretell keeps large inputs and outputs here.\n');
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new ConfigError(`STORE_URL: ${folder} cannot be written (${reason})`, { cause });
    }
    return new FolderPayloadStore(folder);
  }

  async put(payload: Payload, text: string): Promise<void> {
    await write(this.folderOf(payload), fileName(payload), text);
  }

  async get(payload: Payload): Promise<string | null> {
    try {
      return await readFile(this.fileOf(payload), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await access(join(this.folder, MARKER));
      return null;
    }
  }

  async delete(payloads: readonly Payload[]): Promise<void> {
    await Promise.all(payloads.map((payload) => rm(this.fileOf(payload), { force: true })));
  }

  private fileOf(payload: Payload): string {
    return join(this.folderOf(payload), fileName(payload));
  }

  /** By the last letters, which are random: 1024 folders of about the same size. */
  private folderOf({ id }: Payload): string {
    return join(this.folder, id.slice(-1), id.slice(-2, -1));
  }
}

function fileName({ id, name }: Payload): string {
  return `${id}.${name}`;
}

/** Appears whole, under its name and on disk, or not at all. */
async function write(folder: string, name: string, text: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  const temporary = join(folder, `${name}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await sync(folder);
  // The names of folders that were made for it stand in those above.
  if (made !== undefined) {
    for (let at = folder; at !== dirname(made);) await sync((at = dirname(at)));
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
