import { isRFC3339, ValidateBy } from 'class-validator';

export const TIME_RULE = 'must be a time like 2026-11-21T09:13:47.472Z (RFC 3339)';

/** @returns ms since the epoch, not before it; null for what is no time after RFC 3339. */
export function timeOf(text: unknown): number | null {
  if (!isRFC3339(text)) return null;
  const ms = Date.parse(text as string);
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** A time after RFC 3339. */
export function IsTime(): PropertyDecorator {
  return ValidateBy({
    name: 'isTime',
    validator: {
      validate: (value: unknown) => timeOf(value) !== null,
      defaultMessage: () => TIME_RULE,
    },
  });
}
