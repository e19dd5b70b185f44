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
