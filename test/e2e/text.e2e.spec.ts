import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_INSTANCES } from '#libs/contracts';
import { Installation } from './support/installation.js';
import { copyModel, heldOut, modelsDir } from './support/models.js';

const GOLDEN = path.join(import.meta.dirname, '../fixtures/golden/text');

/** What Hugging Face's own tokenizers and onnxruntime for Python make of texts, one by one: see make_text.py. */
async function golden<T>(name: string): Promise<T[]> {
  return JSON.parse(await readFile(path.join(GOLDEN, `${name}.json`), 'utf8')) as T[];
}

interface Told {
  label: string;
  probabilities: Record<string, number>;
}

interface Embedded {
  embedding: number[];
}

interface ServedVersions {
  versions: { version: string; state: string; reason?: string; sha256?: string }[];
}

describe('models of text', () => {
  let foretell: Installation;
  let dir: string;

  beforeAll(async () => {
    dir = await modelsDir('language', 'sentences', 'fixture:text_probe');
    for (const name of ['from_left', 'strict', 'pairs', 'lost']) {
      await copyModel('fixture:text_probe', path.join(dir, name));
    }
    const manifest = await readFile(path.join(dir, 'text_probe/model.yaml'), 'utf8');
    const say = (name: string, text: string) => writeFile(path.join(dir, name, 'model.yaml'), text);
    await say('from_left', `${manifest}  truncation: left\n`);
    await say('strict', `${manifest}  truncation: 'off'\n`);
    await say('pairs', manifest.replace('pair: optional', 'pair: required'));
    await rename(path.join(dir, 'lost/tokenizer.json'), path.join(dir, 'lost/away'));
    foretell = await Installation.start({ MODELS_DIR: dir, MODELS_POLL_MS: '200' });
    await foretell.client.untilSettled();
  });

  afterAll(async () => {
    await foretell.stop();
    await rm(dir, { recursive: true });
  });

  it('tell languages as Python does, alone and in company', async () => {
    const cases = await golden<{ text: string; probabilities: number[] }>('language');
    const expectAnswer = (answer: unknown, { probabilities }: (typeof cases)[number]) => {
      const given = Object.values((answer as Told).probabilities);
      expect(given).toHaveLength(24);
      given.forEach((value, i) => {
        expect(Math.abs(value - (probabilities[i] ?? 0))).toBeLessThan(1e-4);
      });
    };
    const together = await foretell.client.predict('language', {
      inputs: cases.map(({ text }) => text),
    });
    expect(together.error).toBeNull();
    cases.forEach((found, i) => expectAnswer(together.outputs?.[i], found));
    await Promise.all(
      cases.map(async (found) => {
        const { output } = await foretell.client.predict('language', {
          input: { text: found.text },
        });
        expectAnswer(output, found);
      }),
    );
    const labels = together.outputs?.slice(0, 24).map((answer) => (answer as Told).label);
    expect(labels?.filter((label, i) => label === LANGUAGES[i]).length).toBeGreaterThanOrEqual(23);
  });

  it('are as often right as their manifest says, of texts they were not taught by', async () => {
    const { rows, versions } = await heldOut('language');
    let right = 0;
    for (let from = 0; from < rows.length; from += MAX_INSTANCES) {
      const part = rows.slice(from, from + MAX_INSTANCES);
      const { outputs } = await foretell.client.predict('language', {
        inputs: part.map(({ input }) => input),
      });
      part.forEach(({ expected }, i) => {
        if ((outputs?.[i] as Told).label === expected) right++;
      });
    }
    expect(right / rows.length).toBeCloseTo(versions['1']?.value ?? 0, 3);
  });

  it('embed sentences as Python does, whatever else is in the run', async () => {
    const cases = await golden<{ text: string; embedding: Record<string, number[]> }>('sentences');
    const inputs = cases.map(({ text }) => text);
    const expectVectors = (outputs: readonly unknown[], dimensions: number) => {
      cases.forEach(({ embedding }, row) => {
        const given = (outputs[row] as Embedded).embedding;
        expect(given).toHaveLength(dimensions);
        given.forEach((value, i) => {
          expect(Math.abs(value - (embedding[String(dimensions)]?.[i] ?? 9))).toBeLessThan(1e-5);
        });
      });
    };
    const whole = await foretell.client.predict('sentences', { inputs });
    expectVectors(whole.outputs ?? [], 128);
    // Those of a bucket were filled up, or nothing would have been shown.
    expect(whole.batch_size).toBeGreaterThan(2);
    for (const dimensions of [64, 32]) {
      const job = await foretell.client.predict('sentences', {
        inputs,
        parameters: { dimensions },
      });
      expectVectors(job.outputs ?? [], dimensions);
    }
    const coded = await foretell.client.predict('sentences', {
      inputs,
      parameters: { encoding_format: 'base64' },
    });
    const decoded = coded.outputs?.map((answer) => {
      const bytes = Buffer.from((answer as { embedding: string }).embedding, 'base64');
      return { embedding: [...new Float32Array(new Uint8Array(bytes).buffer)] };
    });
    expect(decoded).toEqual(whole.outputs);
  });

  it('get the tokens that Python makes, of texts and of pairs, cut off at either end', async () => {
    interface Probe {
      side: 'right' | 'left';
      text: string;
      text_pair?: string;
      ids: number[];
      types: number[];
    }
    const cases = await golden<Probe>('probes');
    for (const [model, side] of [
      ['text_probe', 'right'],
      ['from_left', 'left'],
    ] as const) {
      const wanted = cases.filter((found) => found.side === side);
      const inputs = wanted.map(({ text, text_pair }) => ({
        text,
        ...(text_pair && { text_pair }),
      }));
      const { outputs } = await foretell.client.predict(model, { inputs });
      expect(outputs).toEqual(
        wanted.map(({ ids, types }) => ({
          ids_seen: ids,
          types_seen: types,
          places_seen: ids.map((_, i) => i),
        })),
      );
    }
  });

  it.each<[string, unknown, string, string]>([
    ['language', '', '/input', 'must NOT have fewer than 1 characters'],
    ['language', ' \n\t\u3000', '/input', 'must not be blank'],
    ['language', 'x'.repeat(10_001), '/input', 'must NOT have more than 10000 characters'],
    ['language', 'half \ud83d of it', '/input', 'must be well-formed Unicode'],
    ['language', 7, '/input', 'must be string'],
    ['language', {}, '/input/text', 'is missing'],
    ['language', { text: ' ' }, '/input/text', 'must not be blank'],
    ['language', { text: 'a', text_pair: 'b' }, '/input/text_pair', 'is not a field'],
    ['text_probe', { text: 'a', text_pair: '' }, '/input/text_pair', 'fewer than 1'],
    ['pairs', 'a', '/input', 'must be object'],
    ['pairs', { text: 'a' }, '/input/text_pair', 'is missing'],
  ])('refuse what is no text for them: %s, %#', async (model, input, pointer, message) => {
    const refused = await foretell.client.post(`/v1/models/${model}/predict`, { input });
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: [{ pointer, message: expect.stringContaining(message) as unknown }] },
    });
  });

  it('show what they take and give', async () => {
    const one = { type: 'string', minLength: 1, maxLength: 10_000 };
    const { body } = await foretell.client.get('/v1/models/sentences');
    expect(body).toMatchObject({
      versions: [
        {
          input_schema: { anyOf: [{ properties: { text: one }, required: ['text'] }, one] },
          output_schema: { required: ['embedding'] },
        },
      ],
    });
    const document = await foretell.client.get('/v1/models/sentences/openapi.json');
    const text = JSON.stringify(document.body);
    expect(text).toContain('"encoding_format":{"type":"string","enum":["float","base64"]}');
    expect(text).toContain('"dimensions":{"type":"integer","minimum":32,"maximum":128}');
  });

  it.each([
    [{ dimensions: 31 }, '/parameters/dimensions'],
    [{ dimensions: 129 }, '/parameters/dimensions'],
    [{ dimensions: 64.5 }, '/parameters/dimensions'],
    [{ encoding_format: 'hex' }, '/parameters/encoding_format'],
  ])('refuse %j', async (parameters, pointer) => {
    const body = { input: 'a dog', parameters };
    const refused = await foretell.client.post('/v1/models/sentences/predict', body);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
  });

  it('fail a text with too many tokens where none are cut off, and it alone', async () => {
    const { outputs } = await foretell.client.predict('strict', {
      inputs: ['short', 'a '.repeat(23)],
    });
    expect(outputs).toMatchObject([
      { types_seen: expect.any(Array) as unknown },
      { error: { code: 'invalid-input', detail: 'has 25 tokens, and the model takes at most 24' } },
    ]);
  });

  it('say why they cannot be served, and are once their tokenizer is there', async () => {
    const { client } = foretell;
    const reason = 'tokenizer.json is neither beside model.onnx nor beside model.yaml';
    const { body } = await client.get<ServedVersions>('/v1/models/lost');
    expect(body.versions).toMatchObject([{ state: 'failed', reason }]);
    await rename(path.join(dir, 'lost/away'), path.join(dir, 'lost/tokenizer.json'));
    const ready = await client.until<ServedVersions>(
      '/v1/models/lost',
      (found) => found.body.versions[0]?.state === 'ready',
    );
    const before = ready.body.versions[0]?.sha256;
    const own = await readFile(path.join(dir, 'text_probe/tokenizer.json'), 'utf8');
    await writeFile(path.join(dir, 'lost/1/tokenizer.json'), own.replace('[UNK]', '[NEW]'));
    await client.until<ServedVersions>('/v1/models/lost', ({ body: { versions } }) => {
      return versions[0]?.state === 'ready' && versions[0].sha256 !== before;
    });
  });
});

const LANGUAGES = 'ca cs da de el en es fi fr hu id it ja ko nl pl pt ro ru sv tr uk vi zh'.split(
  ' ',
);
