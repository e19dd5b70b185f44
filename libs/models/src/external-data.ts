import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { type ExternalReferences, externalReferences } from './external-references.js';
import { ModelFileError } from './model-file.error.js';
import { ProtobufFile } from './protobuf-file.js';

/** Protobuf, and so ONNX Runtime, reads no larger message. */
const MAX_MODEL_BYTES = 2 ** 31 - 1;

/**
 * Checks what ONNX Runtime is about to be handed: that `model.onnx` is a file (a named pipe would be waited
 * on for ever), well-formed, and that its external data lie in its folder and are long enough. Symbolic
 * links are followed: versions and models may be links, but data that a model names must end up beside it,
 * in the folder of the link or of what it points to, as in ONNX Runtime.
 * @throws ModelFileError
 */
export async function checkModelFile(file: string): Promise<void> {
  const references = await referencesOf(file);
  if (references.size === 0) return;
  const folders = await foldersOf(file);
  for (const [location, neededBytes] of references) {
    await checkData(file, folders, location, neededBytes);
  }
}

/**
 * The files that a version is made of: `model.onnx`, then the external data that it names, by name. Never a
 * file outside of its folder. What is not there (yet), or may not be used, is left out; so is all external
 * data of a damaged `model.onnx`. Whether it can be opened is for `checkModelFile` to say.
 * @throws Error where `model.onnx` cannot be read.
 */
export async function modelFiles(file: string): Promise<string[]> {
  const found = new Set<string>();
  try {
    const references = await referencesOf(file);
    const folders = references.size === 0 ? [] : await foldersOf(file);
    for (const location of references.keys()) {
      const usable = await checkData(file, folders, location, 0).then(
        () => true,
        () => false,
      );
      if (usable) found.add(path.join(path.dirname(file), location));
    }
  } catch (error) {
    if (!(error instanceof ModelFileError)) throw error;
  }
  found.delete(path.normalize(file));
  return [file, ...[...found].sort()];
}

/**
 * The SHA-256 of a version's files, hexadecimal. Of a lone `model.onnx` it is what `sha256sum model.onnx`
 * prints; of several files, what `sha256sum model.onnx weights.bin … | sha256sum` does in their folder.
 * @param files as from `modelFiles`.
 */
export async function digestOf(files: readonly string[]): Promise<string> {
  const [model = '', ...data] = files;
  const digest = await sha256Of(model);
  if (data.length === 0) return digest;
  const list = createHash('sha256').update(`${digest}  ${path.basename(model)}\n`);
  for (const file of data) {
    const name = path.relative(path.dirname(model), file).replaceAll(path.sep, '/');
    list.update(`${await sha256Of(file)}  ${name}\n`);
  }
  return list.digest('hex');
}

async function referencesOf(file: string): Promise<ExternalReferences> {
  const handle = await openFile(file);
  try {
    const { size } = await handle.stat();
    if (size === 0) throw new ModelFileError('model.onnx is empty');
    if (size > MAX_MODEL_BYTES) {
      throw new ModelFileError('model.onnx has 2 GiB or more: keep its weights in external data');
    }
    return await externalReferences(new ProtobufFile(handle, size));
  } finally {
    await handle.close();
  }
}

/** The folder that the version seems to be in, and the one that `model.onnx` really is in. */
async function foldersOf(file: string): Promise<string[]> {
  return [await realpath(path.dirname(file)), path.dirname(await realpath(file))];
}

async function checkData(
  file: string,
  folders: readonly string[],
  location: string,
  neededBytes: number,
): Promise<void> {
  const name = `the external data ${path.basename(location)}`;
  if (path.isAbsolute(location)) {
    throw new ModelFileError(`${name} has an absolute path; it must be in the version's folder`);
  }
  const resolved = await realpath(path.join(path.dirname(file), location)).catch(() => null);
  if (resolved === null) throw new ModelFileError(`${name} cannot be found`);
  if (!folders.some((folder) => isInside(folder, resolved))) {
    throw new ModelFileError(`${name} is outside of the version's folder`);
  }
  const found = await stat(resolved);
  if (!found.isFile()) throw new ModelFileError(`${name} is no regular file`);
  if (found.size < neededBytes) {
    throw new ModelFileError(
      `${name} has ${String(found.size)} bytes, and ${String(neededBytes)} are needed`,
    );
  }
}

function isInside(folder: string, file: string): boolean {
  const way = path.relative(folder, file);
  return way !== '' && way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
}

/** Not to be blocked by a named pipe that nobody writes to. @throws ModelFileError for all but files. */
async function openFile(file: string): Promise<FileHandle> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      throw new ModelFileError(`${path.basename(file)} is not there`);
    },
  );
  const found = await handle.stat();
  if (found.isFile()) return handle;
  await handle.close();
  throw new ModelFileError(`${path.basename(file)} is no regular file`);
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await openFile(file);
  // The stream closes it, also after an error.
  for await (const chunk of handle.createReadStream()) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
