import { ValidateBy } from 'class-validator';
import { MAX_INSTANCES } from '#libs/contracts';

const MAX_PAIRS = 16;
const MAX_KEY_LENGTH = 64;
const MAX_VALUE_LENGTH = 512;

/** 1 to 1000 instances; what they look like is the model's business. */
export function IsInstanceList(): PropertyDecorator {
  return ValidateBy({
    name: 'isInstanceList',
    validator: {
      validate: (value: unknown) =>
        Array.isArray(value) && value.length >= 1 && value.length <= MAX_INSTANCES,
      defaultMessage: () => `must be an array of 1 to ${String(MAX_INSTANCES)} instances`,
    },
  });
}

/** Up to 16 pairs of strings. */
export function IsMetadata(): PropertyDecorator {
  return ValidateBy({
    name: 'isMetadata',
    validator: {
      validate: isMetadata,
      defaultMessage: () =>
        `must be an object of at most ${String(MAX_PAIRS)} strings, keys up to ${String(MAX_KEY_LENGTH)} and values up to ${String(MAX_VALUE_LENGTH)} characters`,
    },
  });
}

function isMetadata(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const pairs = Object.entries(value);
  return (
    pairs.length <= MAX_PAIRS &&
    pairs.every(
      ([key, text]) =>
        key.length > 0 &&
        key.length <= MAX_KEY_LENGTH &&
        typeof text === 'string' &&
        text.length <= MAX_VALUE_LENGTH,
    )
  );
}
