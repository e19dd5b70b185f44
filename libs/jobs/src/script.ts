import { readFileSync } from 'node:fs';

/** The text of a script of this folder, without what only its readers need: one is sent with every flush. */
export function scriptText(file: string): string {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return text.replace(/^\s*(--.*)?\n|^\s+| --.*$/gm, '');
}

/** The text of a script that changes jobs, after what all of those share. */
export function jobScriptText(file: string): string {
  return scriptText('moves.lua') + scriptText(file);
}
