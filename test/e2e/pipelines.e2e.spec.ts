import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import type { JobTiming, JobView } from '#libs/contracts';
import type { Client } from './support/client.js';
import { FileServer } from './support/file-server.js';
import { golden } from './support/golden.js';
import { Installation, type LogLine, runners } from './support/installation.js';
import { copyModel, modelsDir, writeModel } from './support/models.js';

interface Page {
  versions: {
    version: string;
    state: string;
    reason: string | null;
    input_schema: object | null;
    output_schema: object | null;
    pipeline: object | null;
  }[];
}

/** Far longer than any limit here. */
const ENDLESS = 10_000_000;
/** Long enough to do something meanwhile. */
const LONG = 30_000;

describe('pipelines', () => {
  let foretell: Installation;
  let client: Client;
  let dir: string;

  /** @param pipelines their manifests, by name. */
  async function start(
    models: string[],
    pipelines: Record<string, string>,
    env: NodeJS.ProcessEnv = {},
  ): Promise<void> {
    dir = await modelsDir(...models);
    for (const [name, manifest] of Object.entries(pipelines)) await write(name, manifest);
    foretell = await Installation.start({ MODELS_DIR: dir, MODELS_POLL_MS: '100', ...env });
    client = foretell.client;
  }

  async function write(name: string, manifest: string): Promise<void> {
    await mkdir(path.join(dir, name), { recursive: true });
    await writeFile(path.join(dir, name, 'model.yaml'), manifest);
  }

  /** `slow` as it may be changed, with batches of up to 8. */
  async function writeSlow(more = ''): Promise<void> {
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await writeFile(
      path.join(dir, 'slow/model.yaml'),
      `batching: { max_batch_size: 8, max_queue_delay_ms: 0 }\n${more}`,
    );
  }

  const page = async (model: string): Promise<Page['versions'][number] | undefined> =>
    (await client.get<Page>(`/v1/models/${model}`)).body.versions[0];
  const untilState = (model: string, state: string) =>
    client.until<Page>(`/v1/models/${model}`, ({ body }) => body.versions[0]?.state === state);
  const steps = ({ timing }: JobView): NonNullable<JobTiming['steps']> => timing?.steps ?? {};

  afterEach(() => foretell.stop());

  describe('of models of the repository', () => {
    it('an ensemble answers what another implementation computes', async () => {
      interface Row {
        input: number[];
        probabilities: Record<string, number>;
      }
      const { rows, tolerance } = await golden<Row>('pipelines/iris-ensemble');
      await start(['iris', 'iris-ensemble'], {});
      const job = await client.predict('iris-ensemble', { inputs: rows.map(({ input }) => input) });
      expect(job).toMatchObject({ status: 'succeeded', version: '1', error: null });
      const outputs = job.outputs as (Row & { label: string; confidence: number })[];
      rows.forEach(({ probabilities }, i) => {
        const output = outputs[i];
        const [best = ''] = Object.entries(probabilities).toSorted((a, b) => b[1] - a[1])[0] ?? [];
        expect(output?.label).toBe(best);
        expect(output?.confidence).toBe(output?.probabilities[best]);
        for (const [label, p] of Object.entries(probabilities)) {
          const off = Math.abs((output?.probabilities[label] ?? 9) - p);
          expect(off).toBeLessThanOrEqual(tolerance);
        }
      });
      const timing = { instances: rows.length, batch_size: rows.length };
      expect(steps(job)).toMatchObject({ regression: timing, network: timing });
      const { regression, network } = steps(job);
      const inference = (regression?.inference_ms ?? 0) + (network?.inference_ms ?? 0);
      expect(job.timing?.inference_ms).toBeCloseTo(inference, 2);
    });

    it('shows what it takes and gives, and validates as the model of its first step does', async () => {
      await start(['iris', 'iris-ensemble'], {});
      const ensemble = await page('iris-ensemble');
      const iris = await page('iris');
      expect(ensemble).toMatchObject({
        state: 'ready',
        input_schema: iris?.input_schema,
        output_schema: iris?.output_schema,
        pipeline: {
          regression: { model: 'iris', version: '1' },
          network: { model: 'iris', version: '2' },
          mean: { average: ['regression', 'network'], weights: [1, 2] },
        },
      });
      expect(iris?.pipeline).toBeNull();
      const bad = await client.post('/v1/models/iris-ensemble/predict', {
        inputs: [[5, 3, 1, 0.2], { sepal_length: 'long' }],
      });
      expect(bad.status).toBe(422);
      expect(bad.body).toMatchObject({
        code: 'invalid-input',
        errors: expect.arrayContaining([
          { pointer: '/inputs/1/sepal_length', message: 'must be number' },
        ]),
      });
      const options = await client.post('/v1/models/iris-ensemble/predict', {
        input: [5, 3, 1, 0.2],
        parameters: { network: { top_k: 4 } },
      });
      expect(options.body).toMatchObject({ errors: [{ pointer: '/parameters/network/top_k' }] });
      const document = await client.get('/v1/models/iris-ensemble/openapi.json');
      expect(document.status).toBe(200);
    });
  });

  describe('of a detector and a classifier', () => {
    interface Found {
      label: string;
      score: number;
      box: number[];
    }
    interface Case {
      picture: string;
      digits: (Found & { read: string; confidence: number })[];
    }
    interface Read {
      digits: { item: Found; output: { label: string; top_k: { confidence: number }[] } }[];
    }
    const MODELS = ['digits', 'digit-detector', 'digit-reader'];

    it('what is found is read as another implementation reads it, all crops in one batch', async () => {
      const { rows } = await golden<Case>('pipelines/digit-reader');
      await start(MODELS, {});
      const job = await client.predict('digit-reader', {
        inputs: rows.map(({ picture }) => picture),
      });
      expect(job.error).toBeNull();
      rows.forEach(({ digits }, i) => {
        const { digits: read } = (job.outputs as Read[])[i] ?? { digits: [] };
        expect(read.map(({ output }) => output.label)).toEqual(digits.map((d) => d.read));
        read.forEach(({ item, output }, at) => {
          const wanted = digits[at];
          expect(item.label).toBe(wanted?.label);
          expect(Math.abs(item.score - (wanted?.score ?? 9))).toBeLessThan(0.04);
          item.box.forEach((edge, side) => {
            expect(Math.abs(edge - (wanted?.box[side] ?? 999))).toBeLessThan(2);
          });
          // A pixel more or less of the box tells a little.
          expect(
            Math.abs((output.top_k[0]?.confidence ?? 9) - (wanted?.confidence ?? 9)),
          ).toBeLessThan(0.1);
          expect(output.top_k).toHaveLength(2);
        });
      });
      const count = rows.reduce((sum, { digits }) => sum + digits.length, 0);
      expect(steps(job)).toMatchObject({
        find: { instances: rows.length },
        read: { instances: count, batch_size: count },
      });
    });

    it('options of a call reach their step, and a picture may be a file of a form', async () => {
      const { rows } = await golden<Case>('pipelines/digit-reader');
      await start(MODELS, {});
      const [{ picture, digits } = { picture: '', digits: [] }] = rows;
      const form = new FormData();
      form.set('input', new Blob([Buffer.from(picture, 'base64')]), 'scene.png');
      form.set('parameters', JSON.stringify({ find: { max_detections: 1 }, read: { top_k: 1 } }));
      const { body } = await client.post<JobView>('/v1/models/digit-reader/predict', form);
      const { output } = await client.ended(body);
      const [first, ...others] = (output as Read).digits;
      expect(others).toEqual([]);
      expect(first?.output.label).toBe(digits[0]?.read);
      expect(first?.output.top_k).toHaveLength(1);
    });

    it('a picture may be named by a URL, and fails alone where it cannot be had', async () => {
      const { rows } = await golden<Case>('pipelines/digit-reader');
      const [{ picture, digits } = { picture: '', digits: [] }] = rows;
      await start(MODELS, {});
      const files = new FileServer();
      await files.start();
      try {
        const url = files.put('/scene.png', Buffer.from(picture, 'base64'));
        const gone = files.put('/gone.png', (response) => {
          response.writeHead(410).end();
        });
        const { outputs } = await client.predict('digit-reader', { inputs: [gone, url] });
        expect(outputs?.[0]).toMatchObject({ error: { code: 'input-fetch-failed' } });
        const read = (outputs?.[1] as Read).digits.map(({ output }) => output.label);
        expect(read).toEqual(digits.map((digit) => digit.read));
      } finally {
        files.stop();
      }
    });

    it('a picture without a find is no failure', async () => {
      await start(MODELS, {});
      const black = await sharp({
        create: { width: 40, height: 30, channels: 3, background: '#000' },
      })
        .png()
        .toBuffer();
      const job = await client.predict('digit-reader', { input: black.toString('base64') });
      expect(job).toMatchObject({ status: 'succeeded', output: { digits: [] } });
      expect(steps(job)['read']).toMatchObject({ instances: 0, inference_ms: 0 });
    });
  });

  describe('of graphs that add 10 and 20', () => {
    const TWICE = `
pipeline:
  steps:
    first: { model: add }
    second: { model: add, input: { x: $first.y } }
  output: { twice: $second.y, once: $first.y, of: $input }
`;
    const EACH = `
pipeline:
  steps:
    first: { model: add }
    each: { model: add, for_each: $first.y, limit: 1, input: [$item, 1] }
`;

    async function startAdd(pipelines: Record<string, string>, env = {}): Promise<void> {
      dir = await modelsDir();
      await writeModel(path.join(dir, 'add'), { 1: {} }, 'batching: { max_batch_size: 8 }\n');
      for (const [name, manifest] of Object.entries(pipelines)) await write(name, manifest);
      foretell = await Installation.start({ MODELS_DIR: dir, MODELS_POLL_MS: '100', ...env });
      client = foretell.client;
    }

    it('one step is given what another gave', async () => {
      await startAdd({ twice: TWICE });
      const job = await client.predict('twice', { inputs: [[1, 2], { x: [3, 4] }] });
      expect(job.outputs).toEqual([
        { twice: [21, 42], once: [11, 22], of: [1, 2] },
        { twice: [23, 44], once: [13, 24], of: { x: [3, 4] } },
      ]);
      expect(Object.keys(steps(job))).toEqual(['first', 'second']);
    });

    it('a step is run for the elements of an array', async () => {
      await startAdd({ each: EACH });
      const job = await client.predict('each', {
        inputs: [
          [1, 2],
          [3, 4],
        ],
      });
      expect(job.outputs).toEqual([
        { first: { y: [11, 22] }, each: [{ item: 11, output: { y: [21, 21] } }] },
        { first: { y: [13, 24] }, each: [{ item: 13, output: { y: [23, 21] } }] },
      ]);
      expect(steps(job)['each']).toMatchObject({ instances: 2, batch_size: 2 });
    });

    it('an instance that a step cannot use fails alone, and names the step', async () => {
      const wrong = TWICE.replace('{ x: $first.y }', '{ x: $first.y.0 }');
      const lost = TWICE.replace('{ x: $first.y }', '{ x: $first.z }');
      await startAdd({ wrong, lost, half: EACH.replace('[$item, 1]', '{ x: $item }') });
      expect(await client.predict('wrong', { input: [1, 2] })).toMatchObject({
        status: 'failed',
        error: {
          code: 'invalid-input',
          detail: 'step second: what it gets does not fit add: /x must be array',
        },
      });
      expect(await client.predict('lost', { inputs: [[1, 2]] })).toMatchObject({
        status: 'failed',
        error: { code: 'inference-failed', detail: 'step second: $first.z is not there' },
      });
      const half = await client.predict('half', { input: [1, 2] });
      expect(half.output).toMatchObject({
        each: [{ item: 11, error: { detail: expect.stringContaining('step each: ') } }],
      });
    });

    it('a pipeline shows why it cannot be served, and is when it can', async () => {
      await startAdd({
        nested: 'pipeline: { steps: { all: { model: twice } } }',
        twice: TWICE,
        none: 'pipeline: { steps: { first: { model: nothing } } }',
        old: 'pipeline: { steps: { first: { model: add, version: 7 } } }',
        typo: 'pipeline:\n  steps:\n    first: { model: add, inptu: $input }\n',
        circle: 'pipeline: { steps: { a: { model: add, input: $b }, b: { model: add } } }',
      });
      const reasons = async (name: string): Promise<unknown> => {
        const { body } = await client.get<Page & { reason: string | null }>(`/v1/models/${name}`);
        return body.versions[0]?.reason ?? body.reason;
      };
      expect(await reasons('none')).toBe('step first: there is no model nothing');
      expect(await reasons('old')).toBe('step first: there is no version 7 of add');
      expect(await reasons('nested')).toBe(
        'step all: twice is a pipeline, and a step must be a model',
      );
      expect(await reasons('typo')).toContain(
        'typo/model.yaml:3: pipeline.steps.first.inptu: Unrecognized key',
      );
      expect(await reasons('circle')).toContain('there is no step b above it');
      const refused = await client.post('/v1/models/none/predict', { input: [1, 2] });
      expect(refused.status).toBe(503);
      expect(refused.body).toMatchObject({ code: 'model-unavailable' });

      await writeModel(path.join(dir, 'nothing'), { 1: {} });
      await untilState('none', 'ready');
      expect((await client.predict('none', { input: [1, 2] })).output).toEqual({
        first: { y: [11, 22] },
      });
      await rm(path.join(dir, 'nothing'), { recursive: true });
      await untilState('none', 'failed');
    });

    it('a pipeline is changed in place', async () => {
      await startAdd({ twice: TWICE });
      await write('twice.new', 'pipeline: { steps: { first: { model: add } }, output: $first }\n');
      await rename(path.join(dir, 'twice.new/model.yaml'), path.join(dir, 'twice/model.yaml'));
      await client.until<Page>(
        '/v1/models/twice',
        ({ body }) => Object.keys(body.versions[0]?.pipeline ?? {}).length === 1,
      );
      expect((await client.predict('twice', { input: [1, 2] })).output).toEqual({ y: [11, 22] });
    });

    it('a result is kept as long as no model of its steps changes', async () => {
      await startAdd({ twice: `${TWICE}cache_ttl_s: 600\n` });
      const predict = () => client.predict('twice', { input: [1, 2] });
      expect((await predict()).cached).toBe(false);
      expect(await predict()).toMatchObject({ cached: true, output: { twice: [21, 42] } });
      await writeModel(
        path.join(dir, 'add'),
        { 2: { steps: 2 } },
        'batching: { max_batch_size: 8 }\n',
      );
      await client.until<Page>(
        '/v1/models/add',
        ({ body }) => body.versions.length === 2 && body.versions[1]?.state === 'ready',
      );
      expect(await predict()).toMatchObject({ cached: false, output: { twice: [41, 82] } });
    });
  });

  describe('under load and in trouble', () => {
    const CHAIN = `
pipeline:
  steps:
    first: { model: slow }
    second: { model: slow, input: $first.echo }
`;

    async function startChain(more = '', env: NodeJS.ProcessEnv = {}): Promise<void> {
      dir = await modelsDir();
      await writeSlow(more);
      await write('chain', CHAIN);
      foretell = await Installation.start({ MODELS_DIR: dir, MODELS_POLL_MS: '100', ...env });
      client = foretell.client;
    }

    it('steps share batches with jobs of their model', async () => {
      await startChain();
      const busy = await client.submit('slow', { inputs: Array<number[]>(8).fill([LONG]) });
      await client.running(busy);
      const next = await client.submit('slow', { inputs: Array<number[]>(8).fill([1]) });
      const jobs = await Promise.all([
        client.submit('chain', { input: [1] }),
        client.submit('slow', { input: [2] }),
        client.submit('chain', { input: [3] }),
      ]);
      const [one, own, two] = await Promise.all(jobs.map((job) => client.ended(job)));
      expect(own?.batch_size).toBe(3);
      for (const job of [one, two]) {
        expect(job && steps(job)['first']?.batch_size).toBe(3);
        expect(job?.output).toMatchObject({ second: { echo: job === one ? [1] : [3] } });
      }
      await Promise.all([busy, next].map((job) => client.ended(job)));
    });

    it('a step that computes for too long ends its job, and no other', async () => {
      await startChain();
      const job = await client.predict('chain', { input: [ENDLESS], execution_timeout_s: 0.5 });
      expect(job).toMatchObject({
        status: 'failed',
        error: { code: 'execution-timeout', detail: expect.stringMatching(/^step first: /) },
      });
      expect((await client.predict('chain', { input: [1] })).status).toBe('succeeded');
    });

    it('a job that is canceled takes back what waits of it', async () => {
      await startChain();
      const busy = await client.submit('slow', { inputs: Array<number[]>(8).fill([LONG]) });
      await client.running(busy);
      const next = await client.submit('slow', { inputs: Array<number[]>(8).fill([1]) });
      const job = await client.submit('chain', { input: [ENDLESS] });
      await client.running(job);
      expect((await client.post(`/v1/jobs/${job.id}/cancel`, {})).status).toBe(200);
      // What it waits for would take minutes: it is not run.
      for (const other of [busy, next])
        expect((await client.ended(other)).status).toBe('succeeded');
      expect((await client.predict('slow', { input: [1] })).status).toBe('succeeded');
      expect((await client.ended(job)).status).toBe('canceled');
    });

    it('a runner that dies in a step costs nothing but time', async () => {
      await startChain();
      const job = await client.submit('chain', { input: [LONG] });
      await client.running(job);
      const [runner = 0] = runners(foretell.app('worker').pid);
      process.kill(runner, 'SIGKILL');
      expect(await client.ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    });

    it('an instance that stops the runner of a step each time ends its job', async () => {
      await startChain('', { RUN_TIMEOUT_S: '600' });
      const worker = foretell.app('worker');
      const job = await client.submit('chain', { input: [ENDLESS] });
      const ended = client.ended(job).then(() => 'ended');
      for (let starts = 1; ; starts++) {
        const isUp = worker.line(() => starts <= worker.log.filter(isReady).length);
        if ((await Promise.race([isUp, ended])) === 'ended') break;
        await client.running(job);
        for (const runner of runners(worker.pid)) process.kill(runner, 'SIGKILL');
      }
      expect(await client.ended(job)).toMatchObject({
        status: 'failed',
        error: { code: 'poisoned', detail: expect.stringMatching(/^step first: /) },
      });
    });

    it('a step loads its model where that was unloaded', async () => {
      await startChain('lifecycle: { idle_unload_s: 0.2 }\n');
      await untilState('slow', 'unloaded');
      expect((await page('chain'))?.state).toBe('unloaded');
      expect((await client.predict('chain', { input: [1] })).status).toBe('succeeded');
    });

    it('jobs that a worker dies with are run by the next one', async () => {
      await startChain();
      const job = await client.submit('chain', { input: [LONG] });
      await client.running(job);
      const worker = foretell.app('worker');
      worker.kill('SIGKILL');
      await worker.ended;
      await foretell.add('worker');
      expect(await client.ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    });

    it('a worker that is asked to end hands back what its steps have not begun', async () => {
      await startChain();
      const jobs = await Promise.all(
        Array.from({ length: 20 }, () => client.submit('chain', { input: [2000] })),
      );
      const [first] = jobs;
      if (first) await client.running(first);
      const worker = foretell.app('worker');
      worker.kill('SIGTERM');
      expect(await worker.ended).toBe(0);
      await foretell.add('worker');
      for (const job of jobs) {
        expect(await client.ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
      }
    });
  });
});

function isReady({ msg, model }: LogLine): boolean {
  return msg === 'model ready' && model === 'slow';
}
