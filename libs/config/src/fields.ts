import { z } from 'zod';

const DIGITS = /^-?[0-9]+$/;

/** An integer within `[min, max]`, or `fallback` where the variable is unset. */
export function wholeNumber(min: number, max: number, fallback: number) {
  return z.preprocess(
    (text) => (typeof text !== 'string' ? fallback : DIGITS.test(text) ? Number(text) : NaN),
    z
      .number({ error: `must be a whole number from ${String(min)} to ${String(max)}` })
      .int()
      .min(min)
      .max(max),
  );
}

export function optionalText() {
  return z.string().optional();
}

/** `true`/`false`, `1`/`0`. */
export function flag(fallback: boolean) {
  return z.preprocess(
    (text) => text ?? String(fallback),
    z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1'),
  );
}

/** Comma-separated, trimmed, empty parts dropped. */
export function list() {
  return z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    );
}

/** A rule for a list: names each entry that is not of the form. */
export function eachEntry(isRight: (entry: string) => boolean, form: string) {
  return (entries: string[], context: z.RefinementCtx): void => {
    for (const entry of entries.filter((e) => !isRight(e))) {
      context.addIssue({ code: 'custom', message: `${JSON.stringify(entry)} is not ${form}` });
    }
  };
}

/** Without wildcards, which would match nothing. */
const ORIGIN = /^https?:\/\/[^/?#@*\s]+$/;

/** Comma-separated `scheme://host[:port]` as browsers write them, or `*` for all. */
export function origins() {
  return list().refine((entries) => entries.every((entry) => entry === '*' || isOrigin(entry)), {
    error: 'each must be an origin as in https://app.example.com, without a path, or *',
  });
}

/** A default port, or letters that a browser writes otherwise, would never match. */
function isOrigin(text: string): boolean {
  return ORIGIN.test(text) && URL.parse(text)?.origin === text;
}
