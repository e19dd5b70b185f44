import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from './support/client.js';
import { type Golden, golden } from './support/golden.js';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

interface Word {
  what: string;
  said: string;
  input: string | { pcm: string; sample_rate: number; encoding: string };
  probabilities: Record<string, number>;
}

interface Heard {
  label: string;
  top_k: { label: string; confidence: number }[];
}

describe('spoken digits', () => {
  let foretell: Installation;
  let client: Client;
  let words: Golden<Word>;

  beforeAll(async () => {
    words = await golden<Word>('audio/spoken-digits');
    foretell = await Installation.start({ MODELS_DIR: await modelsDir('spoken-digits') });
    client = foretell.client;
  });

  afterAll(() => foretell.stop());

  const post = (input: unknown) => client.post('/v1/models/spoken-digits/predict', { input });
  const wordOf = (what: string): Word => {
    const word = words.rows.find((row) => row.what.includes(what));
    if (!word) throw new Error(`no ${what}`);
    return word;
  };

  it('are heard as another implementation hears them, in one batch, whatever they come in', async () => {
    const job = await client.predict('spoken-digits', {
      inputs: words.rows.map(({ input }) => input),
      parameters: { top_k: 10 },
    });
    expect(job.error).toBeNull();
    expect(job.batch_size).toBe(words.rows.length);
    const outputs = job.outputs as Heard[];
    words.rows.forEach(({ what, said, probabilities }, i) => {
      expect([what, outputs[i]?.label]).toEqual([what, said]);
      for (const { label, confidence } of outputs[i]?.top_k ?? []) {
        const off = Math.abs(confidence - (probabilities[label] ?? 9));
        expect([what, label, off <= words.tolerance]).toEqual([what, label, true]);
      }
    });
  });

  it('come as a file of a form, and as a data URI', async () => {
    const { input, said } = wordOf('stereo');
    const file = input as string;
    const form = new FormData();
    form.set('input', new Blob([Buffer.from(file, 'base64')]), 'word.wav');
    const { status, body } = await client.post<{ id: string }>(
      '/v1/models/spoken-digits/predict',
      form,
    );
    expect(status).toBe(202);
    expect((await client.ended(body)).output).toMatchObject({ label: said });
    const uri = await client.predict('spoken-digits', {
      input: `data:audio/wav;base64,${file}`,
    });
    expect(uri.output).toMatchObject({ label: said });
  });

  it('tell how they are sent, in the model and in its OpenAPI document', async () => {
    const { body } = await client.get<{ versions: { input_schema: object }[] }>(
      '/v1/models/spoken-digits',
    );
    expect(body.versions[0]?.input_schema).toMatchObject({
      type: ['string', 'object'],
      required: ['pcm', 'sample_rate', 'encoding'],
    });
    const document = await client.get('/v1/models/spoken-digits/openapi.json');
    expect(document.status).toBe(200);
  });

  it.each([
    ['no base64', 'what is this?', 422, 'invalid-input', '/input'],
    ['a number', 7, 422, 'invalid-input', '/input'],
    [
      'an MP3',
      Buffer.from('ID3\u0004').toString('base64'),
      415,
      'unsupported-media-type',
      '/input',
    ],
    [
      'PCM without a rate',
      { pcm: 'AAAA', encoding: 'pcm_s16le' },
      422,
      'invalid-input',
      '/input/sample_rate',
    ],
    [
      'PCM of another encoding',
      { pcm: 'AAAA', sample_rate: 8000, encoding: 'mulaw' },
      422,
      'invalid-input',
      '/input/encoding',
    ],
    [
      'more than a minute',
      {
        pcm: Buffer.alloc(61 * 2 * 1000).toString('base64'),
        sample_rate: 1000,
        encoding: 'pcm_s16le',
      },
      413,
      'payload-too-large',
      '/input',
    ],
  ])('are refused before they are queued: %s', async (_what, input, status, code, pointer) => {
    const answer = await post(input);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, errors: [{ pointer }] });
  });

  it('fail alone where only decoding shows that they cannot be used', async () => {
    const bad = {
      pcm: Buffer.from('0000c07f', 'hex').toString('base64'),
      sample_rate: 8000,
      encoding: 'pcm_f32le',
    };
    const { input, said } = wordOf('16-bit at');
    const job = await client.predict('spoken-digits', { inputs: [bad, input] });
    expect(job.status).toBe('succeeded');
    expect(job.outputs).toMatchObject([
      { error: { code: 'invalid-input', detail: expect.stringContaining('not finite') } },
      { label: said },
    ]);
  });
});
