import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';
import { copyModel } from './support/models.js';

interface VersionView {
  state: string;
  reason: string | null;
  input_schema: unknown;
  output_schema: unknown;
}

/** Sums up a text of numbers; the graph, variable_length, is fed a list of them. */
const SUMS = `
/** @type {import('../../../libs/contracts/src/processor.ts').Preprocess} */
export function preprocess(instance, { parameters }) {
  if (instance.numbers === 'exit') process.exit(7);
  if (instance.numbers === 'throw') setTimeout(() => { throw new Error('out of nowhere'); });
  if (instance.numbers === 'spin') for (;;);
  if (instance.numbers === 'hang' || instance.numbers === 'throw') return new Promise(() => {});
  if (instance.numbers === 'nothing') return undefined;
  if (instance.numbers === '') throw Object.assign(new Error('no numbers'), { code: 'invalid-input' });
  if (instance.numbers === 'bug') return null.x;
  if (instance.numbers === 'odd') throw Object.create(null);
  if (instance.numbers === 'long') throw Object.assign(new Error('a' + '🎉'.repeat(1e5)), { code: 'invalid-input' });
  if (instance.numbers === 'send') process.send(null);
  return instance.numbers.split(' ').map((n) => Number(n) * (parameters.times ?? 1));
}
export async function postprocess({ total }, { model, version, parameters }) {
  if (total[0] === 13) throw new Error('13 is unlucky, see /srv/secret/place.txt');
  if (total[0] === 14) return { total: NaN };
  if (total[0] === 15) return () => 1;
  if (total[0] === 16) return { total: 16n };
  return { total: total[0], of: model + ' ' + version, ...parameters };
}
`;

const MANIFEST = `
processor:
  input_schema: { type: object, properties: { numbers: { type: string } }, required: [numbers] }
  output_schema: { type: object, properties: { total: { type: number } } }
  parameters: { times: { type: integer, maximum: 3 } }
`;

const BROKEN: Record<string, { code: string; yaml?: string; reason: RegExp }> = {
  syntax: {
    code: 'export const a = ;\n',
    reason: /^processor\.mjs cannot be loaded: Unexpected token ';'$/,
  },
  throws: {
    code: '\nthrow new Error("no");',
    reason: /^processor\.mjs cannot be loaded: processor\.mjs:2: no$/,
  },
  exits: { code: 'process.exit(3);', reason: /ended \(code 3\)/ },
  exports: { code: 'export const x = 1;', reason: /exports neither preprocess nor postprocess$/ },
  no_function: { code: 'export const preprocess = 1;', reason: /preprocess that is no function$/ },
  no_hook: {
    code: 'export const preprocess = (x) => x;',
    yaml: 'processor: { output_schema: {} }',
    reason: /processor\.output_schema, but processor\.mjs exports no postprocess/,
  },
};

describe('a processor.mjs', () => {
  let foretell: Installation;
  let dir: string;

  async function add(name: string, processor: string, yaml = '', fixture = 'variable_length') {
    await copyModel(`fixture:${fixture}`, path.join(dir, name));
    await writeFile(path.join(dir, name, 'processor.mjs'), processor);
    await writeFile(path.join(dir, name, 'model.yaml'), yaml);
  }

  async function versionOf(model: string): Promise<VersionView | undefined> {
    const { body } = await foretell.client.get<{ versions: VersionView[] }>(`/v1/models/${model}`);
    return body.versions[0];
  }

  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'foretell-models-'));
    await add('sums', SUMS, MANIFEST);
    for (const [name, { code, yaml }] of Object.entries(BROKEN)) await add(name, code, yaml);
    await add('missing', '', MANIFEST);
    await rename(path.join(dir, 'missing/processor.mjs'), path.join(dir, 'missing/other.mjs'));
    foretell = await Installation.start({
      MODELS_DIR: dir,
      MODELS_POLL_MS: '100',
      RUN_TIMEOUT_S: '2',
    });
    await foretell.add('worker');
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it('prepares what callers send and finishes what they get, by their parameters', async () => {
    const { client } = foretell;
    const job = await client.predict('sums', {
      inputs: [{ numbers: '1 2 3' }, { numbers: '5' }],
      parameters: { times: 2 },
    });
    expect(job.outputs).toEqual([
      { total: 12, of: 'sums 1', times: 2 },
      { total: 10, of: 'sums 1', times: 2 },
    ]);
  });

  it('says in the signature what it takes and gives, and that holds', async () => {
    expect(await versionOf('sums')).toMatchObject({
      input_schema: { required: ['numbers'] },
      output_schema: { properties: { total: { type: 'number' } } },
    });
    const post = (body: object) => foretell.client.post('/v1/models/sums/predict', body);
    expect((await post({ input: { numbers: 1 } })).body).toMatchObject({
      code: 'invalid-input',
      errors: [{ pointer: '/input/numbers' }],
    });
    expect((await post({ input: { numbers: '1' }, parameters: { times: 4 } })).body).toMatchObject({
      errors: [{ pointer: '/parameters/times' }],
    });
  });

  it.each([
    ['bug', 'processing-failed', /^Cannot read properties of null/],
    ['nothing', 'processing-failed', /^preprocess returned nothing$/],
    [
      'one two',
      'processing-failed',
      /^preprocess returned what the model does not take: \/0 must be number$/,
    ],
    ['', 'invalid-input', /^no numbers$/],
    ['odd', 'processing-failed', /^it threw what has no message$/],
    ['long', 'invalid-input', /^a🎉{249}\ufffd$/u],
    ['send', 'processing-failed', /^process\.send is not a function$/],
    ['6 7', 'processing-failed', /^13 is unlucky, see place\.txt$/],
    ['7 7', 'processing-failed', /^postprocess returned NaN as total$/],
    ['15', 'processing-failed', /^postprocess returned nothing$/],
    ['16', 'processing-failed', /BigInt/],
  ])('that fails on %p fails that instance alone', async (numbers, code, detail) => {
    const job = await foretell.client.predict('sums', {
      inputs: [{ numbers: '1' }, { numbers }, { numbers: '2' }],
    });
    expect(job).toMatchObject({ status: 'succeeded', progress: { done: 2, total: 3 } });
    expect(job.outputs).toMatchObject([
      { total: 1 },
      { error: { code, detail: expect.stringMatching(detail) as unknown } },
      { total: 2 },
    ]);
  });

  it.each([
    ['spin', 'execution-timeout'],
    ['hang', 'execution-timeout'],
    ['exit', 'poisoned'],
    ['throw', 'poisoned'],
  ])('that is told to %s takes down its own job and no other', async (numbers, code) => {
    const { client } = foretell;
    const jobs = await Promise.all(
      ['1', numbers, '2', '3'].map((text) => client.submit('sums', { input: { numbers: text } })),
    );
    const ended = await Promise.all(jobs.map((job) => client.ended(job)));
    expect(ended.map(({ status }) => status)).toEqual([
      'succeeded',
      'failed',
      'succeeded',
      'succeeded',
    ]);
    expect(ended[1]).toMatchObject({ error: { code } });
  });

  it('and what it imports beside it are loaded again when they change', async () => {
    await add(
      'greets',
      `import { word } from './word.mjs'; export const postprocess = () => word;`,
    );
    await writeFile(path.join(dir, 'greets/word.mjs'), `export const word = 'hello';`);
    const { client } = foretell;
    const answer = async (): Promise<unknown> =>
      (await client.predict('greets', { input: [1] })).output;
    await client.until<{ versions?: VersionView[] }>(
      '/v1/models/greets',
      ({ body }) => body.versions?.[0]?.state === 'ready',
    );
    expect(await answer()).toBe('hello');
    expect(await versionOf('greets')).toMatchObject({ output_schema: {} });
    await writeFile(path.join(dir, 'greets/.word.mjs'), `export const word = 'good bye';`);
    await rename(path.join(dir, 'greets/.word.mjs'), path.join(dir, 'greets/word.mjs'));
    // Of both workers: none answers as before any more.
    for (let in_a_row = 0; in_a_row < 10;)
      in_a_row = (await answer()) === 'good bye' ? in_a_row + 1 : 0;
  });

  it.each(Object.entries(BROKEN))(
    'that cannot be used (%s) is told as the reason',
    async (name, { reason }) => {
      expect(await versionOf(name)).toMatchObject({
        state: 'failed',
        reason: expect.stringMatching(reason) as unknown,
      });
    },
  );

  it('that model.yaml speaks of must be there', async () => {
    const { body } = await foretell.client.get('/v1/models/missing');
    expect(body['reason']).toBe(
      'missing/model.yaml:2: processor: there is no processor.mjs for version 1',
    );
  });
});
