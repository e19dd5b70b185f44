import fc from 'fast-check';
import { REQUESTS } from './requests.mjs';

/** What parsers stumble over. */
const TOKENS = [
  '\0',
  '\r\n',
  '\r\n\r\n',
  '"',
  '\\',
  '\\ud800',
  '\\u0000',
  '%00',
  '%ff',
  '../',
  '[',
  ']',
  '{',
  '}',
  '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[',
  ',',
  ':',
  'null',
  'true',
  'NaN',
  '1e400',
  '-0',
  '9007199254740993',
  '18446744073709551616',
  '"__proto__":',
  '"constructor":{"prototype":1},',
  '"input":',
  'meta',
  'a:b',
  '\ufeff',
  '\ud83d\ude00',
  'x'.repeat(600),
].map((token) => Buffer.from(token));

/** What stands in the place of a number or text, so that the JSON, or the query, stays one. */
const VALUES = [
  '0',
  '-1',
  '1.5',
  '1e308',
  '1e400',
  '9007199254740993',
  'null',
  'true',
  '""',
  '"1"',
  '"\\ud800"',
  '"\\u0000"',
  '"meta"',
  '"__proto__"',
  '"input"',
  '"../../etc/passwd"',
  '[]',
  '[[[[1]]]]',
  '{}',
  '{"constructor":1}',
  `"${'x'.repeat(3000)}"`,
  `[${'0,'.repeat(2000)}0]`,
];
const VALUE = /-?\d[\d.]*|"(?:[^"\\]|\\.)*"(?!:)|true|false|null/g;

/** From 0 to 1: where in the request, whatever its length is by then. */
const place = fc.nat(999_999).map((n) => n / 1_000_000);
const length = fc.integer({ min: 1, max: 64 });
/** @type {Region[]} */
const REGIONS = ['whole', 'target', 'target', 'body', 'body', 'body', 'body', 'body'];

/** @typedef {{ at: number } & ({ kind: 'flip', bit: number } | { kind: 'set', byte: number } | { kind: 'token', token: number } | { kind: 'value', value: number } | { kind: 'cut' | 'twice' | 'end' | 'move', length: number, to: number })} Edit */

/** @type {fc.Arbitrary<Edit>} */
const edit = fc.oneof(
  fc.record({ kind: fc.constant(/** @type {const} */ ('flip')), at: place, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant(/** @type {const} */ ('set')), at: place, byte: fc.nat(255) }),
  fc.record({
    kind: fc.constant(/** @type {const} */ ('token')),
    at: place,
    token: fc.nat(TOKENS.length - 1),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant(/** @type {const} */ ('value')),
      at: place,
      value: fc.nat(VALUES.length - 1),
    }),
  },
  fc.record({
    kind: fc.constantFrom(/** @type {const} */ ('cut'), 'twice', 'end', 'move'),
    at: place,
    length,
    to: place,
  }),
);

/** @typedef {'whole' | 'target' | 'body'} Region */
/** @typedef {{ request: number, edits: Edit[], region: Region, fixLength: boolean }} Mutation */

/** @type {fc.Arbitrary<Mutation>} */
const mutation = fc.record({
  request: fc.nat(REQUESTS.length - 1),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  // What is wrong with the head hides what is wrong further on.
  region: fc.constantFrom(...REGIONS),
  fixLength: fc.nat(4).map((n) => n > 0),
});

/**
 * Valid requests with some bytes of them changed.
 *
 * @param {number} seed the same one gives the same requests
 * @param {number} count
 * @returns {Buffer[]}
 */
export function mutants(seed, count) {
  return fc.sample(fc.noBias(mutation), { seed, numRuns: count }).map(mutate);
}

/** @param {Mutation} mutation */
function mutate({ request, edits, region, fixLength }) {
  const whole = REQUESTS[request] ?? Buffer.alloc(0);
  const bodyAt = whole.indexOf('\r\n\r\n') + 4;
  const hasBody = bodyAt < whole.length;
  if (region === 'whole') return edits.reduce(apply, whole);
  const [start, end] =
    region === 'body' && hasBody
      ? [bodyAt, whole.length]
      : [whole.indexOf(' ') + 1, whole.indexOf(' HTTP/1.1\r\n')];
  const changed = edits.reduce(apply, whole.subarray(start, end));
  const parts = [whole.subarray(0, start), changed, whole.subarray(end)];
  if (region !== 'body' || !hasBody || !fixLength) return Buffer.concat(parts);
  // Else most of what is wrong in a body would be found in its length.
  const head = whole.toString('latin1', 0, bodyAt);
  const fitting = head.replace(/Content-Length: \d+/, `Content-Length: ${changed.length}`);
  return Buffer.concat([Buffer.from(fitting, 'latin1'), changed]);
}

/**
 * @param {Buffer} bytes
 * @param {Edit} edit
 * @returns {Buffer}
 */
function apply(bytes, edit) {
  const at = Math.floor(edit.at * bytes.length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (edit.kind) {
    case 'flip':
      return withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << edit.bit));
    case 'set':
      return withByte(bytes, at, edit.byte);
    case 'token':
      return Buffer.concat([before, TOKENS[edit.token] ?? Buffer.alloc(0), after]);
    case 'value': {
      const text = bytes.toString('latin1');
      const found = [...text.matchAll(VALUE)];
      const match = found[Math.floor(edit.at * found.length)];
      if (!match) return bytes;
      const [start, end] = [text.slice(0, match.index), text.slice(match.index + match[0].length)];
      return Buffer.from(`${start}${VALUES[edit.value] ?? ''}${end}`, 'latin1');
    }
    case 'cut':
      return Buffer.concat([before, after.subarray(edit.length)]);
    case 'twice':
      return Buffer.concat([before, after.subarray(0, edit.length), after]);
    case 'end':
      return before;
    case 'move': {
      const rest = Buffer.concat([before, after.subarray(edit.length)]);
      const to = Math.floor(edit.to * rest.length);
      return Buffer.concat([
        rest.subarray(0, to),
        after.subarray(0, edit.length),
        rest.subarray(to),
      ]);
    }
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @param {number} byte
 */
function withByte(bytes, at, byte) {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at] = byte;
  return copy;
}
