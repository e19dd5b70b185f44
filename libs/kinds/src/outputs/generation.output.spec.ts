import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { VersionDescription } from '#libs/contracts';
import type { WithOutput } from '../output-kind.js';
import { generation, generationOptions, type GenerationOutput } from './generation.output.js';

const declared = { kind: 'generation', context_length: 512 };

function parse(said: object): GenerationOutput {
  return generation.settings.parse({ ...declared, ...said });
}

function versionOf(said: object): WithOutput<GenerationOutput> {
  return { output: parse(said) } as unknown as VersionDescription & { output: GenerationOutput };
}

describe('settings', () => {
  it('ask for the length of the context alone', () => {
    expect(parse({})).toEqual({
      kind: 'generation',
      context_length: 512,
      eos_token: [],
      max_tokens: 511,
      default_max_tokens: 256,
      temperature: 1,
      repetition_penalty: 1,
    });
    expect(parse({ max_tokens: 20 }).default_max_tokens).toBe(20);
    expect(parse({ eos_token: '</s>' }).eos_token).toEqual(['</s>']);
    expect(parse({ eos_token: ['</s>', '<|end|>'] }).eos_token).toEqual(['</s>', '<|end|>']);
  });

  it.each([
    ['a context without room', { context_length: 1 }, 'context_length'],
    ['more tokens than fit', { max_tokens: 512 }, 'max_tokens'],
    [
      'more by default than at most',
      { max_tokens: 9, default_max_tokens: 10 },
      'default_max_tokens',
    ],
    ['a temperature that is too high', { temperature: 2.1 }, 'temperature'],
    ['no token to choose from', { top_k: 0 }, 'top_k'],
    ['nothing to choose from', { top_p: 0 }, 'top_p'],
    ['a penalty of nothing', { repetition_penalty: 0 }, 'repetition_penalty'],
    ['no end token', { eos_token: [] }, 'eos_token'],
    ['a field that there is not', { stop: 'x' }, ''],
  ])('refuse %s', (_name, said, path) => {
    const { error } = generation.settings.safeParse({ ...declared, ...said });
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
});

describe('parameters', () => {
  const properties = generation.parameters?.(versionOf({ max_tokens: 100, top_k: 40 })) ?? {};
  const validate = new Ajv2020({ strict: false }).compile({ type: 'object', properties });
  const complaint = (parameters: object): string | undefined => {
    validate(parameters);
    return (
      validate.errors?.[0] && `${validate.errors[0].instancePath} ${validate.errors[0].keyword}`
    );
  };

  it.each([
    [{}],
    [{ max_tokens: 1, temperature: 0, top_k: 1, top_p: 0.001, repetition_penalty: 0.1, seed: 0 }],
    [{ max_tokens: 100, temperature: 2, top_p: 1, repetition_penalty: 2, seed: 2 ** 53 - 1 }],
    [{ stop: '\n' }],
    [{ stop: ['a', 'b', 'c', '🙂'.repeat(20)] }],
  ])('take %j', (parameters) => {
    expect(complaint(parameters)).toBeUndefined();
  });

  it.each([
    [{ max_tokens: 0 }, '/max_tokens minimum'],
    [{ max_tokens: 101 }, '/max_tokens maximum'],
    [{ max_tokens: 1.5 }, '/max_tokens type'],
    [{ temperature: -0.1 }, '/temperature minimum'],
    [{ temperature: 2.1 }, '/temperature maximum'],
    [{ temperature: null }, '/temperature type'],
    [{ top_k: 0 }, '/top_k minimum'],
    [{ top_p: 0 }, '/top_p exclusiveMinimum'],
    [{ top_p: 1.1 }, '/top_p maximum'],
    [{ repetition_penalty: 0 }, '/repetition_penalty exclusiveMinimum'],
    [{ repetition_penalty: 3 }, '/repetition_penalty maximum'],
    [{ seed: -1 }, '/seed minimum'],
    [{ seed: 2 ** 53 }, '/seed maximum'],
    [{ seed: '1' }, '/seed type'],
    [{ stop: '' }, '/stop minLength'],
    [{ stop: 'x'.repeat(21) }, '/stop maxLength'],
    [{ stop: [] }, '/stop minItems'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, '/stop maxItems'],
    [{ stop: ['a', ''] }, '/stop/1 minLength'],
    [{ stop: [1] }, '/stop/0 type'],
    [{ stop: '\ud800' }, '/stop pattern'],
    [{ stop: {} }, '/stop type'],
  ])('refuse %j', (parameters, expected) => {
    expect(complaint(parameters)).toBe(expected);
  });

  it('show what holds where a call says nothing', () => {
    expect(properties).toMatchObject({
      max_tokens: { default: 100 },
      temperature: { default: 1 },
      top_k: { default: 40 },
    });
    expect(properties['top_p']).not.toHaveProperty('default');
  });
});

describe('generationOptions', () => {
  const output = parse({ default_max_tokens: 64, temperature: 0.8, top_p: 0.95 });

  it('are those of the manifest where the call says nothing', () => {
    expect(generationOptions(output, {})).toEqual({
      maxTokens: 64,
      temperature: 0.8,
      topK: undefined,
      topP: 0.95,
      repetitionPenalty: 1,
      seed: undefined,
      stop: [],
    });
  });

  it('are those of the call, zeros included', () => {
    const asked = { max_tokens: 3, temperature: 0, top_k: 5, top_p: 0.5, seed: 0, stop: '.' };
    expect(generationOptions(output, { ...asked, repetition_penalty: 1.2 })).toEqual({
      maxTokens: 3,
      temperature: 0,
      topK: 5,
      topP: 0.5,
      repetitionPenalty: 1.2,
      seed: 0,
      stop: ['.'],
    });
    expect(generationOptions(output, { stop: ['a', 'b'] }).stop).toEqual(['a', 'b']);
  });
});
