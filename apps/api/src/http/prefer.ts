/** Longest that an answer is held back, seconds. */
export const MAX_WAIT_S = 60;

/** What a client would like, of what this api can do for it. */
export interface Preferences {
  /** To get the answer once the job has ended, within so many seconds; undefined: now. */
  waitS: number | undefined;
  /** To get 202 rather than wait longer. */
  respondAsync: boolean;
}

const OWS = '[\\t ]*';
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const WORD = `(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*")`;
const PARAMETER = `${TOKEN}(?:${OWS}=${OWS}${WORD})?`;

/** What stands between commas; a comma in quotes is none. */
const ELEMENT = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;
const PREFERENCE = new RegExp(
  `^${OWS}(${TOKEN})(?:${OWS}=${OWS}(${WORD}))?(?:${OWS};(?:${OWS}${PARAMETER})?)*${OWS}$`,
);

/**
 * Reads the `Prefer` header (RFC 7240). Of a preference that is given twice the first one counts; what is
 * malformed or unknown is ignored, as the RFC has it.
 * @param header several in one with a comma between, as Node hands them over.
 */
export function parsePrefer(header: string | string[] | undefined): Preferences {
  const given = new Map<string, string>();
  for (const element of String(header ?? '').match(ELEMENT) ?? []) {
    const [, name, word = ''] = PREFERENCE.exec(element) ?? [];
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (!given.has(key)) given.set(key, unquoted(word));
  }
  const wait = given.get('wait') ?? '';
  return {
    waitS: /^[0-9]+$/.test(wait) ? Math.min(Number(wait), MAX_WAIT_S) : undefined,
    // An empty value is none.
    respondAsync: given.get('respond-async') === '',
  };
}

function unquoted(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word;
}

/**
 * The `Preference-Applied` of an answer.
 * @param isAsync the answer is a 202. @returns undefined where nothing that was asked for was applied.
 */
export function preferenceApplied(asked: Preferences, isAsync: boolean): string | undefined {
  const applied = [
    ...(asked.respondAsync && isAsync ? ['respond-async'] : []),
    ...(asked.waitS === undefined ? [] : [`wait=${asked.waitS}`]),
  ];
  return applied.length === 0 ? undefined : applied.join(', ');
}
