import { isUtf8 } from 'node:buffer';
import { ProblemError } from '#libs/contracts';

/** Deeper than any tensor; what walks a value may do so by recursion. */
const MAX_DEPTH = 64;
const MAX_KEYS_PER_OBJECT = 10_000;
const LONGEST_SHOWN_KEY = 64;

/** @throws ProblemError `invalid-json` for an empty body, and for bytes that are no text. */
export function jsonText(body: Buffer): string {
  if (body.length === 0) throw new ProblemError('invalid-json', 'Send a JSON body.');
  if (!isUtf8(body)) throw new ProblemError('invalid-json', 'Send JSON in UTF-8.');
  return body.toString();
}

/**
 * The value of a JSON text.
 * @throws ProblemError `invalid-json` for what is no JSON, or means different things to different readers:
 * two keys of one name, `__proto__`, `constructor.prototype`, nesting deeper than 64; `payload-too-large` for
 * an object of more than 10,000 keys.
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    // RFC 8259 lets a reader overlook a byte order mark.
    value = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  } catch {
    throw new ProblemError('invalid-json', 'Send valid JSON.');
  }
  checkStructure(text);
  return value;
}

/** An object or array around the place that is looked at. */
interface Level {
  /** Of an object, those so far. */
  keys: Set<string> | undefined;
  /** Name that the object or array has in the one around it. */
  name: string | undefined;
}

const STRUCTURE = /["[\]{}]/g;

/** Sees what JSON.parse overlooks. @param text is valid JSON, which makes this so short. */
function checkStructure(text: string): void {
  const levels: Level[] = [];
  let name: string | undefined;
  STRUCTURE.lastIndex = 0;
  // A regular expression skips long runs of numbers many times faster than a loop over characters.
  while (STRUCTURE.test(text)) {
    const at = STRUCTURE.lastIndex - 1;
    switch (text[at]) {
      case '"': {
        const end = endOfString(text, at);
        STRUCTURE.lastIndex = end;
        name = isBeforeColon(text, end) ? keyOf(text.slice(at, end)) : undefined;
        if (name !== undefined) addKey(levels.at(-1), name);
        break;
      }
      case '[':
      case '{':
        if (levels.length === MAX_DEPTH) {
          throw new ProblemError('invalid-json', `Nest at most ${String(MAX_DEPTH)} levels deep.`);
        }
        levels.push({ keys: undefined, name });
        name = undefined;
        break;
      default:
        levels.pop();
    }
  }
}

function addKey(level: Level | undefined, key: string): void {
  if (!level) return;
  if (key === '__proto__' || (key === 'prototype' && level.name === 'constructor')) {
    throw new ProblemError('invalid-json', `The key ${key} is not taken here.`);
  }
  level.keys ??= new Set();
  if (level.keys.has(key)) {
    const shown = JSON.stringify(key.slice(0, LONGEST_SHOWN_KEY));
    throw new ProblemError('invalid-json', `The key ${shown} stands twice in one object.`);
  }
  level.keys.add(key);
  if (level.keys.size > MAX_KEYS_PER_OBJECT) {
    const most = String(MAX_KEYS_PER_OBJECT);
    throw new ProblemError('payload-too-large', `An object may have at most ${most} keys.`);
  }
}

/** @returns where the text goes on behind the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

const COLON = /\s*:/y;

function isBeforeColon(text: string, at: number): boolean {
  COLON.lastIndex = at;
  return COLON.test(text);
}

/** The same name may be written in many ways. */
function keyOf(quoted: string): string {
  return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}
