import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * @param {readonly string[]} names of programs that do as well as each other, the best first
 * @returns {string | undefined} absolute path of the first that is on PATH
 */
export function onPath(names) {
  const dirs = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return names
    .flatMap((name) => dirs.map((dir) => join(dir, name)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
