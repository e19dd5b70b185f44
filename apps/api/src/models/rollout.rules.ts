import { ValidateBy } from 'class-validator';
import { isMetadataKey } from '../predict/predict.rules.js';

/** The names of headers that say who somebody is, to whom a hash of them is of use. */
const SECRET_HEADERS = ['authorization', 'proxy-authorization', 'cookie'];
/** A header's name as RFC 9110 has it, of a sane length. */
const HEADER = /^header\.([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})$/;
const PATTERN = `^(metadata\\..+|header\\.[!#$%&'*+.^_\`|~0-9A-Za-z-]{1,64})$`;

/** The same for the OpenAPI document. */
export const STICKY_BY = { pattern: PATTERN, example: 'metadata.user' };

/** `metadata.<key>`, or `header.<name>` of one that is no secret. */
export function IsStickyBy(): PropertyDecorator {
  return ValidateBy({
    name: 'isStickyBy',
    validator: {
      validate: isStickyBy,
      defaultMessage: () =>
        `must be metadata.<key>, or header.<name> of a header other than ${SECRET_HEADERS.join(', ')}`,
    },
  });
}

function isStickyBy(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  if (value.startsWith('metadata.')) return isMetadataKey(value.slice('metadata.'.length));
  const name = HEADER.exec(value)?.[1]?.toLowerCase();
  return name !== undefined && !SECRET_HEADERS.includes(name);
}
