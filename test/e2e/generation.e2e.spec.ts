import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView, PointedError } from '#libs/contracts';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

const GOLDEN = path.join(import.meta.dirname, '../fixtures/golden/generation');
const PROMPT = 'It is a truth universally acknowledged, that';

interface Generated {
  text: string;
  finish_reason: 'stop' | 'length';
  usage: { prompt_tokens: number; completion_tokens: number };
}

/** What other software writes with the same model, see make_generation.py and make_optimum.py. */
interface Case {
  prompt: string;
  parameters: Record<string, unknown>;
  output: Generated;
}

async function golden(model: string): Promise<Case[]> {
  return JSON.parse(await readFile(path.join(GOLDEN, `${model}.json`), 'utf8')) as Case[];
}

describe('models that generate text', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const fixtures = ['fixture:optimum_llama', 'fixture:optimum_gpt2'];
    foretell = await Installation.start({ MODELS_DIR: await modelsDir('austen', ...fixtures) });
    await foretell.client.untilSettled();
  });

  afterAll(async () => {
    await foretell.stop();
  });

  const generate = async (input: string, parameters: object): Promise<Generated> => {
    const job = await foretell.client.predict('austen', { input, parameters });
    expect(job.error).toBeNull();
    return job.output as Generated;
  };

  describe.each(['austen', 'optimum_llama', 'optimum_gpt2'])('%s, at temperature 0', (model) => {
    let cases: Case[];

    beforeAll(async () => {
      cases = await golden(model);
    });

    const outputsOf = async (jobs: Promise<JobView>[]) =>
      (await Promise.all(jobs)).map(({ output, error }) => output ?? error);

    it('writes what other software writes, each text alone', async () => {
      for (const { prompt: input, parameters, output } of cases) {
        const job = await foretell.client.predict(model, { input, parameters });
        expect(job.output).toEqual(output);
        expect(job.batch_size).toBe(1);
      }
    });

    it('writes the same among others that come and go', async () => {
      const jobs = [...cases, ...cases].map(({ prompt: input, parameters }) =>
        foretell.client.predict(model, { input, parameters }),
      );
      expect(await outputsOf(jobs)).toEqual([...cases, ...cases].map(({ output }) => output));
      const sizes = (await Promise.all(jobs)).map(({ batch_size: size }) => size ?? 0);
      expect(Math.max(...sizes)).toBeGreaterThan(1);
    });
  });

  it('writes many texts in one job, in their order', async () => {
    const cases = (await golden('austen')).filter(
      ({ parameters: { stop, repetition_penalty: penalty } }) => !stop && !penalty,
    );
    const { client } = foretell;
    const alone = await Promise.all(
      cases.map(({ prompt }) => generate(prompt, { temperature: 0, max_tokens: 5 })),
    );
    const job = await client.predict('austen', {
      inputs: cases.map(({ prompt }) => prompt),
      parameters: { temperature: 0, max_tokens: 5 },
    });
    expect(job).toMatchObject({ status: 'succeeded', progress: { done: cases.length } });
    expect(job.outputs).toEqual(alone);
  });

  it.each([
    [{ max_tokens: 0 }, '/parameters/max_tokens', 'must be >= 1'],
    [{ max_tokens: 401 }, '/parameters/max_tokens', 'must be <= 400'],
    [{ max_tokens: '5' }, '/parameters/max_tokens', 'must be integer'],
    [{ temperature: -0.1 }, '/parameters/temperature', 'must be >= 0'],
    [{ temperature: 2.5 }, '/parameters/temperature', 'must be <= 2'],
    [{ top_k: 0 }, '/parameters/top_k', 'must be >= 1'],
    [{ top_p: 0 }, '/parameters/top_p', 'must be > 0'],
    [{ top_p: 1.5 }, '/parameters/top_p', 'must be <= 1'],
    [{ repetition_penalty: 0 }, '/parameters/repetition_penalty', 'must be > 0'],
    [{ seed: 1.5 }, '/parameters/seed', 'must be integer'],
    [{ stop: '' }, '/parameters/stop', 'must NOT have fewer than 1 characters'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, '/parameters/stop', 'must NOT have more than 4 items'],
    [
      { stop: ['.', 'x'.repeat(21)] },
      '/parameters/stop/1',
      'must NOT have more than 20 characters',
    ],
    [{ best_of: 2 }, '/parameters/best_of', 'is not a field of this model'],
  ])('refuses %j', async (parameters, pointer, message) => {
    expect(await refusal({ input: PROMPT, parameters })).toEqual([{ pointer, message }]);
  });

  it.each([
    ['an empty prompt', '', 'must NOT have fewer than 1 characters'],
    ['a blank one', ' \n\t ', 'must not be blank'],
    ['one of 4097 characters', 'a'.repeat(4097), 'must NOT have more than 4096 characters'],
    ['a number', 5, 'must be string'],
    ['half a character', 'a\ud800', 'must be well-formed Unicode, without lone surrogates'],
  ])('refuses %s', async (_name, prompt, message) => {
    expect((await refusal({ input: prompt }))[0]).toEqual({ pointer: '/input', message });
    const many = await refusal({ inputs: [PROMPT, prompt] });
    expect(many[0]).toEqual({ pointer: '/inputs/1', message });
  });

  it('draws by chance, the same way for the same seed', async () => {
    const drawn = (seed?: number) =>
      generate('The evening was', { temperature: 1, max_tokens: 40, seed });
    const [one, other, ...again] = await Promise.all([1, 2, 1, 1].map(drawn));
    expect(again).toEqual([one, one]);
    expect(other?.text).not.toBe(one?.text);
    const [first, second] = await Promise.all([drawn(), drawn()]);
    expect(first.text).not.toBe(second.text);
  });

  it('draws from fewer tokens where it is told to', async () => {
    const greedy = await generate(PROMPT, { temperature: 0, max_tokens: 20 });
    for (const parameters of [{ top_k: 1 }, { top_p: 1e-9 }]) {
      const drawn = await generate(PROMPT, { temperature: 2, max_tokens: 20, ...parameters });
      expect(drawn).toEqual(greedy);
    }
  });

  it('ends where it is told to, and counts', async () => {
    const whole = await generate(PROMPT, { temperature: 0, max_tokens: 12 });
    const one = await generate(PROMPT, { temperature: 0, max_tokens: 1 });
    expect(one).toMatchObject({ finish_reason: 'length', usage: { completion_tokens: 1 } });
    expect(whole.text.startsWith(one.text)).toBe(true);
    const stop = whole.text.slice(4, 9);
    const cut = await generate(PROMPT, { temperature: 0, max_tokens: 12, stop });
    expect(cut.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
    expect(cut.finish_reason).toBe('stop');
    expect(cut.usage.prompt_tokens).toBe(whole.usage.prompt_tokens);
    expect(cut.usage.completion_tokens).toBeLessThan(whole.usage.completion_tokens);
  });

  it('takes a prompt by name, and fails alone for one with more tokens than its context', async () => {
    const parameters = { temperature: 0, max_tokens: 3 };
    const expected = await generate(PROMPT, parameters);
    const inputs = [{ text: PROMPT }, '🙂'.repeat(300), PROMPT];
    const { outputs } = await foretell.client.predict('austen', { inputs, parameters });
    const error = {
      code: 'invalid-input',
      retryable: false,
      detail: expect.stringContaining('tokens') as unknown,
    };
    expect(outputs).toEqual([expected, { error: expect.objectContaining(error) }, expected]);
  });

  it('publishes what it takes and gives', async () => {
    const { body } = await foretell.client.get('/v1/models/austen/openapi.json');
    const text = JSON.stringify(body);
    for (const name of ['max_tokens', 'repetition_penalty', 'finish_reason', 'completion_tokens'])
      expect(text).toContain(`"${name}"`);
  });

  async function refusal(body: object): Promise<PointedError[]> {
    const answer = await foretell.client.post('/v1/models/austen/predict', body);
    expect([answer.status, answer.body['code']]).toEqual([422, 'invalid-input']);
    return answer.body['errors'] as PointedError[];
  }
});
