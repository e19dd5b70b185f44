import { readFileSync } from 'node:fs';

/** Version of this build, from `package.json` beside `dist` (or the sources, under test). */
export const APP_VERSION: string = readVersion();

function readVersion(): string {
  for (const up of ['../../../package.json', '../../../../package.json']) {
    try {
      const text = readFileSync(new URL(up, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // The other place, then.
    }
  }
  return 'unknown';
}
