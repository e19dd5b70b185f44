import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parsePrefer, preferenceApplied } from './prefer.js';

const NONE = { waitS: undefined, respondAsync: false };

describe('parsePrefer', () => {
  it.each([
    ['wait=5', { waitS: 5, respondAsync: false }],
    ['respond-async', { waitS: undefined, respondAsync: true }],
    ['respond-async, wait=5', { waitS: 5, respondAsync: true }],
    ['wait=5,respond-async', { waitS: 5, respondAsync: true }],
    ['wait=0', { waitS: 0, respondAsync: false }],
    ['wait=007', { waitS: 7, respondAsync: false }],
    ['wait=60', { waitS: 60, respondAsync: false }],
    ['Wait=5, RESPOND-Async', { waitS: 5, respondAsync: true }],
    ['wait="5"', { waitS: 5, respondAsync: false }],
    ['wait="\\5"', { waitS: 5, respondAsync: false }],
    ['wait = 5', { waitS: 5, respondAsync: false }],
    [' \twait\t=\t"5"\t ', { waitS: 5, respondAsync: false }],
    ['respond-async=""', { waitS: undefined, respondAsync: true }],
    [', ,wait=5,, ', { waitS: 5, respondAsync: false }],
    ['wait=5; foo="a, b; wait=6"; bar', { waitS: 5, respondAsync: false }],
    ['wait=5 ; ;a=b;', { waitS: 5, respondAsync: false }],
    [
      'return=minimal; foo="some \\"parameter\\", wait=9", wait=5',
      { waitS: 5, respondAsync: false },
    ],
    ['priority=5, handling=lenient, wait=5', { waitS: 5, respondAsync: false }],
    ['foo; wait=5', NONE],
  ])('reads %p', (header, preferences) => {
    expect(parsePrefer(header)).toEqual(preferences);
  });

  it('takes several headers for one', () => {
    expect(parsePrefer(['respond-async', 'wait=5'])).toEqual({ waitS: 5, respondAsync: true });
    expect(parsePrefer(undefined)).toEqual(NONE);
  });

  it.each([
    ['wait=1, wait=2', 1],
    ['wait=1, WAIT=2', 1],
    // Well-formed, and the first of its name: a value that cannot be makes it as good as not there.
    ['wait=soon, wait=2', undefined],
    ['wait, wait=2', undefined],
    // No preference at all.
    ['wait==1, wait=2', 2],
  ])('takes the first of those in %p', (header, waitS) => {
    expect(parsePrefer(header).waitS).toBe(waitS);
  });

  it.each(['61', '3600', '99999999999999999999', '9'.repeat(400)])(
    'waits no longer for %p',
    (n) => {
      expect(parsePrefer(`wait=${n}`).waitS).toBe(60);
    },
  );

  it.each([
    '',
    'wait',
    'wait=',
    'wait=""',
    'wait=-1',
    'wait=+5',
    'wait=5.5',
    'wait=5s',
    'wait=1e1',
    'wait=0x5',
    'wait=" 5"',
    'wait=٥',
    'wait=5 6',
    'wait:5',
    'wait;5=',
    '=5',
    'wait="5',
    'wait=5"',
    "wait='5'",
    'respond-async=no',
    'respond async',
    'respond-async"',
    '"respond-async"',
    'x="wait=5',
    '\\',
    '"',
    '"\\',
  ])('ignores %p', (header) => {
    expect(parsePrefer(header)).toEqual(NONE);
  });

  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}$/);
  const quoted = fc
    .string({ unit: 'binary-ascii' })
    .map((text) => `"${text.replace(/[^\t -~]/g, '').replace(/["\\]/g, '\\$&')}"`);
  const space = fc.constantFrom('', ' ', '\t', '  ');
  const parameter = fc
    .tuple(token, fc.option(fc.tuple(space, space, fc.oneof(token, quoted))))
    .map(([name, value]) => (value ? `${name}${value[0]}=${value[1]}${value[2]}` : name));
  const others = fc
    .tuple(parameter, fc.array(fc.tuple(space, parameter)))
    .map(([first, more]) => [first, ...more.map(([gap, p]) => `;${gap}${p}`)].join(''))
    .filter((text) => !/^(wait|respond-async)/i.test(text));

  it('finds what it knows among any other preferences', () => {
    const cases = fc.tuple(fc.array(others), fc.nat(60), fc.boolean(), fc.array(others), space);
    fc.assert(
      fc.property(cases, ([before, seconds, inQuotes, after, gap]) => {
        const wait = inQuotes ? `wait="${seconds}"` : `wait=${seconds}`;
        const header = [...before, wait, 'respond-async', ...after].join(`${gap},${gap}`);
        expect(parsePrefer(header)).toEqual({ waitS: seconds, respondAsync: true });
      }),
    );
  });

  it('never fails, and never waits for anything but 0 to 60 whole seconds', () => {
    const unit = fc.constantFrom(
      'wait',
      'respond-async',
      '=',
      ',',
      ';',
      '"',
      '\\',
      ' ',
      '5',
      '-',
      'x',
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit })), (header) => {
        const { waitS = 0 } = parsePrefer(header);
        expect(Number.isInteger(waitS) && waitS >= 0 && waitS <= 60).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('preferenceApplied', () => {
  it.each([
    [{ waitS: 5, respondAsync: true }, true, 'respond-async, wait=5'],
    [{ waitS: 5, respondAsync: true }, false, 'wait=5'],
    [{ waitS: 0, respondAsync: false }, true, 'wait=0'],
    [{ waitS: undefined, respondAsync: true }, true, 'respond-async'],
    [{ waitS: undefined, respondAsync: true }, false, undefined],
    [NONE, true, undefined],
  ])('of %p, 202 %p', (asked, isAsync, applied) => {
    expect(preferenceApplied(asked, isAsync)).toBe(applied);
  });
});
