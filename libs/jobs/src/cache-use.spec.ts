import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inputText } from '#libs/contracts';
import { cacheKeyOf, isOfContent } from './cache-use.js';

interface Ask {
  content: string;
  owner: string | null;
  instances: unknown[];
  parameters: Record<string, unknown> | undefined;
}

const asks: fc.Arbitrary<Ask> = fc.record({
  content: fc.constantFrom('a', 'b', 'a-', 'ab'),
  owner: fc.oneof(fc.constantFrom(null, '', 'ann', 'null', '"ann"', 'ann\n'), fc.string()),
  instances: fc.array(fc.oneof(fc.jsonValue(), fc.string()), { minLength: 1, maxLength: 3 }),
  parameters: fc.option(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 2 }), {
    nil: undefined,
  }),
});

describe('cacheKeyOf', () => {
  it('is the same exactly where content, owner, parameters and input are', () => {
    const keyOf = ({ content, owner, instances, parameters }: Ask) =>
      cacheKeyOf(content, owner, inputText(instances, parameters));
    const nearly = fc.tuple(
      asks,
      asks,
      fc.subarray(['content', 'owner', 'instances', 'parameters'] as const),
    );
    fc.assert(
      fc.property(nearly, ([one, other, changed]) => {
        const second = {
          ...one,
          ...Object.fromEntries(changed.map((name) => [name, other[name]])),
        };
        const same = JSON.stringify(second) === JSON.stringify(one);
        expect(keyOf(second) === keyOf(one)).toBe(same);
      }),
    );
  });

  it('tells the content that it was made for', () => {
    const key = cacheKeyOf('ab', 'ann', '\n1');
    expect(['ab', 'a', 'abc', '', undefined].map((content) => isOfContent(key, content))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
