import { z } from 'zod';

/** An integer within `[min, max]`, or `fallback` where the variable is unset or empty. */
export function wholeNumber(min: number, max: number, fallback: number) {
  return z.preprocess(
    (text) => (text === undefined || text === '' ? fallback : Number(text)),
    z
      .number({ error: `must be a whole number from ${String(min)} to ${String(max)}` })
      .int()
      .min(min)
      .max(max),
  );
}

/** A text that counts as unset when it is empty, as compose files write `NAME=`. */
export function optionalText() {
  return z.preprocess((text) => (text === '' ? undefined : text), z.string().optional());
}

/** `true`/`false`, `1`/`0`. */
export function flag(fallback: boolean) {
  return z.preprocess(
    (text) => (text === undefined || text === '' ? String(fallback) : text),
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
