import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { stringify } from 'yaml';
import type { JobView } from '#libs/contracts';
import { FileServer } from './support/file-server.js';
import { IMAGES } from './support/images.js';
import { Installation } from './support/installation.js';
import { heldOut, modelsDir } from './support/models.js';

const FIXTURES = path.join(import.meta.dirname, '../fixtures');

interface Detection {
  label: string;
  score: number;
  /** x, y, width, height. */
  box: [number, number, number, number];
}

type Crop = Detection['box'];

interface PixelCases {
  pictures: Record<string, string>;
  cases: {
    name: string;
    picture: string;
    input: { layout?: string; dtype?: string };
    crop?: Crop;
    data: string;
    tolerance: { most: number };
  }[];
}

interface Detections {
  tolerance: { score: number; pixels: number };
  cases: { name: string; picture: string; crop?: Crop; detections: Detection[] }[];
}

interface Colours {
  tolerance: number;
  cases: { input: string; top_k: { label: string; confidence: number }[] }[];
}

/** All are checked beside the code; these go all the way. */
const ALL_THE_WAY = [
  'torchvision',
  'letterbox, enlarged',
  'grey',
  'over a background',
  'WebP',
  'AVIF',
  'the first frame of a GIF',
  'a part of a turned one, enlarged',
];

async function golden<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(path.join(FIXTURES, 'golden/image', name), 'utf8')) as T;
}

/** Names of models that answer what they were given, by the input that their manifest gives. */
async function writeMirrors(dir: string, cases: PixelCases['cases']): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const { input } of cases) {
    const key = JSON.stringify(input);
    if (names.has(key)) continue;
    const name = `mirror_${String(names.size)}`;
    names.set(key, name);
    const plain = input.dtype === 'uint8' ? 'pixels_bytes' : 'pixels';
    const graph = input.layout === 'flat' ? 'pixels_flat' : plain;
    await mkdir(path.join(dir, name));
    await cp(path.join(FIXTURES, 'models', graph), path.join(dir, name), { recursive: true });
    const manifest = { input: { kind: 'image', ...input } };
    await writeFile(path.join(dir, name, 'model.yaml'), stringify(manifest));
  }
  return names;
}

/** Each of those expected is there once, and nothing else. */
function expectFound(
  found: readonly Detection[],
  expected: readonly Detection[],
  { score, pixels }: Detections['tolerance'],
): void {
  const left = [...found];
  for (const wanted of expected) {
    const i = left.findIndex(
      (each) =>
        each.label === wanted.label &&
        Math.abs(each.score - wanted.score) <= score &&
        each.box.every((side, k) => Math.abs(side - (wanted.box[k] ?? NaN)) <= pixels),
    );
    expect({ wanted, isThere: i >= 0 }).toEqual({ wanted, isThere: true });
    left.splice(i, 1);
  }
  expect(left).toEqual([]);
}

describe('pictures', () => {
  let foretell: Installation;
  let mirrors: Map<string, string>;
  let pixels: PixelCases;

  beforeAll(async () => {
    const dir = await modelsDir('digits', 'digit-detector', 'fixture:colours', 'fixture:blobs');
    const { pictures, cases } = await golden<PixelCases>('pixels.json');
    pixels = { pictures, cases: cases.filter(({ name }) => ALL_THE_WAY.includes(name)) };
    mirrors = await writeMirrors(dir, pixels.cases);
    foretell = await Installation.start({ MODELS_DIR: dir });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  const detect = async (model: string, input: unknown, parameters = {}): Promise<Detection[]> => {
    const job = await foretell.client.predict(model, { input, parameters });
    expect(job).toMatchObject({ status: 'succeeded', error: null });
    return (job.output as { detections: Detection[] }).detections;
  };

  it.each(ALL_THE_WAY)('reach the graph as Pillow would have made them: %s', async (wanted) => {
    const test = pixels.cases.find(({ name }) => name === wanted);
    if (!test) throw new Error(`there is no case ${wanted}`);
    const { picture, crop, input, data, tolerance } = test;
    const image = pixels.pictures[picture];
    const job = await foretell.client.predict(mirrors.get(JSON.stringify(input)) ?? '', {
      input: crop ? { image, crop } : image,
    });
    const { y } = job.output as { y: unknown[] };
    const found = y.flat(Infinity) as number[];
    const bytes = Buffer.from(data, 'base64');
    const expected =
      input.dtype === 'uint8' ? [...bytes] : [...new Float32Array(Uint8Array.from(bytes).buffer)];
    expect(found).toHaveLength(expected.length);
    const apart = expected.map((value, i) => Math.abs(value - (found[i] ?? NaN)));
    expect(Math.max(...apart)).toBeLessThanOrEqual(tolerance.most + 1e-6);
  });

  it('are named by a classifier as by onnxruntime for Python', async () => {
    const { cases, tolerance } = await golden<Colours>('colours.json');
    const job = await foretell.client.predict('colours', { inputs: cases.map((c) => c.input) });
    cases.forEach(({ top_k: expected }, i) => {
      const { label, top_k: best } = job.outputs?.[i] as Colours['cases'][0] & { label: string };
      expect(label).toBe(expected[0]?.label);
      expect(best).toEqual(
        expected.map((each) => ({
          label: each.label,
          confidence: expect.closeTo(each.confidence, -Math.log10(2 * tolerance)),
        })),
      );
    });
  });

  it('are searched by a detector as by onnxruntime for Python', async () => {
    const { cases, tolerance } = await golden<Detections>('detections.json');
    const inputs = cases.map(({ picture, crop }) => (crop ? { image: picture, crop } : picture));
    const together = await foretell.client.predict('digit-detector', { inputs });
    const alone = await Promise.all(inputs.map((input) => detect('digit-detector', input)));
    cases.forEach(({ detections }, i) => {
      const { detections: found } = together.outputs?.[i] as { detections: Detection[] };
      expectFound(found, detections, tolerance);
      expectFound(alone[i] ?? [], detections, tolerance);
    });
  });

  it('show a detector the digits that it was not trained on', async () => {
    const { rows } = await heldOut('digit-detector');
    const job = await foretell.client.predict('digit-detector', {
      inputs: rows.map(({ input }) => input),
    });
    let [right, all] = [0, 0];
    rows.forEach(({ expected }, i) => {
      const wanted = expected as unknown as { label: string; box: Crop }[];
      const { detections } = job.outputs?.[i] as { detections: Detection[] };
      for (const { label, box } of wanted) {
        // There as two corners.
        const middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] as const;
        all++;
        const hit = detections.some(
          ({ label: found, box: [x, y, width, height] }) =>
            found === label &&
            Math.abs(x + width / 2 - middle[0]) < 6 &&
            Math.abs(y + height / 2 - middle[1]) < 6,
        );
        if (hit) right++;
      }
    });
    expect(all).toBeGreaterThan(100);
    expect(right / all).toBeGreaterThan(0.9);
  });

  describe('with a red and a blue box', () => {
    const RED: Crop = [40, 20, 60, 30];
    const BLUE: Crop = [100, 90, 16, 8];
    const image = async (orientation?: number): Promise<string> => {
      const part = ([, , width, height]: Crop, background: string) => ({
        create: { width, height, channels: 3 as const, background },
      });
      const upright = await sharp({
        create: { width: 128, height: 100, channels: 3, background: 'black' },
      })
        .composite([
          { input: part(RED, 'red'), left: RED[0], top: RED[1] },
          { input: part(BLUE, 'blue'), left: BLUE[0], top: BLUE[1] },
        ])
        .png()
        .toBuffer();
      if (orientation === undefined) return upright.toString('base64');
      // Lies on its side, and says so.
      const turned = sharp(upright).rotate(-90).withMetadata({ orientation });
      return (await turned.png().toBuffer()).toString('base64');
    };
    const both = [
      { label: 'red', score: 1, box: RED },
      { label: 'blue', score: 1, box: BLUE },
    ];

    it('give boxes in pixels of the picture that was sent', async () => {
      expect(await detect('blobs', await image())).toEqual(both);
    });

    it('give boxes in pixels of the upright picture', async () => {
      expect(await detect('blobs', await image(6))).toEqual(both);
    });

    it('give boxes in pixels of all of the picture, if only a part is looked at', async () => {
      const input = { image: await image(), crop: [64, 36, 64, 64] };
      expect(await detect('blobs', input)).toEqual([
        { label: 'red', score: 1, box: [64, 36, 36, 14] },
        { label: 'blue', score: 1, box: BLUE },
      ]);
    });

    it('may be parts of what a URL leads to', async () => {
      const files = new FileServer();
      await files.start();
      const url = files.put('/boxes', Buffer.from(await image(6), 'base64'));
      const inputs = [[64, 36, 64, 64], [0, 0, 40, 101], undefined].map((crop) => ({
        image: url,
        crop,
      }));
      const job = await foretell.client.predict('blobs', { inputs });
      files.stop();
      expect(job.outputs).toMatchObject([
        { detections: [{ box: [64, 36, 36, 14] }, { box: BLUE }] },
        { error: { code: 'invalid-input' } },
        { detections: both },
      ]);
    });

    it('give what the call asks for', async () => {
      const input = await image();
      expect(await detect('blobs', input, { max_detections: 1 })).toEqual([both[0]]);
      // Black is a green of no score.
      expect(await detect('blobs', input, { score_threshold: 0 })).toHaveLength(3);
    });

    it('are parts of which one that lies outside fails alone', async () => {
      const picture = await image();
      const inputs = [
        { image: picture, crop: [0, 0, 129, 50] },
        { image: picture, crop: [39.6, 20.4, 60, 30] },
      ];
      const job: JobView = await foretell.client.predict('blobs', { inputs });
      expect(job.outputs).toEqual([
        {
          error: expect.objectContaining({
            code: 'invalid-input',
            detail: 'the crop reaches beyond the image, which has 128 × 100 pixels',
          }),
        },
        { detections: [{ label: 'red', score: 1, box: RED }] },
      ]);
    });
  });

  it.each(['avif', 'gif', 'animatedGif'] as const)('can be uploaded: %s', async (name) => {
    const form = new FormData();
    form.set('input', new Blob([IMAGES[name]]), 'picture');
    const accepted = await foretell.client.post<JobView>('/v1/models/digits/predict', form);
    expect(accepted.status).toBe(202);
    expect(await foretell.client.ended(accepted.body)).toMatchObject({ status: 'succeeded' });
  });

  it.each([
    ['a threshold above 1', { score_threshold: 1.1 }, '/parameters/score_threshold'],
    ['more than the manifest allows', { max_detections: 101 }, '/parameters/max_detections'],
    ['an option of another kind', { top_k: 1 }, '/parameters/top_k'],
  ])('are not searched with %s', async (_name, parameters, pointer) => {
    const answer = await foretell.client.post('/v1/models/digit-detector/predict', {
      input: IMAGES.png.toString('base64'),
      parameters,
    });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
  });

  it.each([
    ['a crop of three numbers', [0, 0, 1], '/input/crop'],
    ['a crop without width', [0, 0, 0, 1], '/input/crop/2'],
    ['a crop that begins before the picture', [-1, 0, 1, 1], '/input/crop/0'],
  ])('are refused with %s', async (_name, crop, pointer) => {
    const answer = await foretell.client.post('/v1/models/digits/predict', {
      input: { image: IMAGES.png.toString('base64'), crop },
    });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'invalid-input', errors: [{ pointer }] },
    });
  });

  it('are told of in the schemas of their models', async () => {
    const { body } = await foretell.client.get<{
      versions: { input_schema: object; output_schema: object }[];
    }>('/v1/models/blobs');
    expect(body.versions[0]).toMatchObject({
      input_schema: { anyOf: [{ required: ['image'] }, { type: 'string' }] },
      output_schema: {
        properties: {
          detections: { items: { properties: { label: { enum: ['red', 'green', 'blue'] } } } },
        },
      },
    });
  });
});
