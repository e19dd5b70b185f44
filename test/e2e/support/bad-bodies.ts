import { IMAGES } from './images.js';

/** A request that is refused. What `body` is but text or bytes is sent as JSON. */
export interface BadRequest {
  name: string;
  path?: string;
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  status: number;
  code: string;
  /** Where the body is wrong, sorted. */
  pointers?: string[];
}

const on = (model: string) => `/v1/models/${model}/predict`;
const iris = [1, 2, 3, 4];
const nested = (depth: number) => `{"input":${'['.repeat(depth)}1${']'.repeat(depth)}}`;
const keys = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1]));

/** Text that is no JSON, or not JSON that everybody reads alike: 400. */
const TEXTS: [string, string | Buffer][] = [
  ['an empty body', ''],
  ['blanks for a body', ' \n'],
  ['truncated JSON', '{"input": [1, 2'],
  ['bad UTF-8', Buffer.from('7b22696e707574223a22ff22 7d'.replace(' ', ''), 'hex')],
  ['a surrogate in UTF-8', Buffer.from('7b22696e707574223a22eda08022 7d'.replace(' ', ''), 'hex')],
  ['UTF-16 that is not said to be', Buffer.from('\ufeff{"input": [1,2,3,4]}', 'utf16le')],
  ['NaN', '{"input": [NaN, 2, 3, 4]}'],
  ['Infinity', '{"input": [-Infinity, 2, 3, 4]}'],
  ['trailing garbage', '{"input": [1,2,3,4]} x'],
  ['two values', '{"input": [1,2,3,4]}{"input": [1,2,3,4]}'],
  ['a trailing comma', '{"input": [1,2,3,4],}'],
  ['a comment', '{"input": [1,2,3,4] /* so */}'],
  ['a control character in a text', '{"input": "a\u0001"}'],
  ['a key that stands twice', '{"input": [1,2,3,4], "input": [5,6,7,8]}'],
  ['a key that stands twice, spelled differently', '{"input": [1,2,3,4], "inpu\\u0074": [5]}'],
  ['a feature that stands twice', '{"input": {"sepal_length": 1, "sepal_length": 2}}'],
  ['__proto__', '{"input": [1,2,3,4], "__proto__": {"priority": "high"}}'],
  ['__proto__, deep and escaped', '{"input": [{"\\u005f_proto__": 1}]}'],
  ['constructor.prototype', '{"input": [1,2,3,4], "constructor": {"prototype": {"x": 1}}}'],
  ['10,000-deep nesting', nested(10_000)],
  ['nesting that a parser may take, and others may not', nested(100)],
];

const everyType = {
  in_float32: [0, 0],
  in_float64: [0, 0],
  in_float16: [0, 0],
  in_int8: [0, 0],
  in_int16: [0, 0],
  in_int32: [0, 0],
  in_int64: [0, 0],
  in_uint8: [0, 0],
  in_uint16: [0, 0],
  in_uint32: [0, 0],
  in_uint64: [0, 0],
  in_bool: [true, true],
  in_string: ['', ''],
};

/** One element of a model that has an input of every type, in JSON. */
const ELEMENTS: [string, keyof typeof everyType, string][] = [
  ['an overflow of int8', 'in_int8', '128'],
  ['an underflow of int8', 'in_int8', '-129'],
  ['a negative uint8', 'in_uint8', '-1'],
  ['a fraction for an int32', 'in_int32', '1.5'],
  ['an integer past 2^53 as a number', 'in_int64', '9007199254740993'],
  ['a negative one', 'in_int64', '-9007199254740993'],
  ['a uint64 past 2^53 as a number', 'in_uint64', '18446744073709551615'],
  ['a text past 2^63 for an int64', 'in_int64', '"9223372036854775808"'],
  ['a text that is no integer for an int64', 'in_int64', '"1.0"'],
  ['1e400', 'in_float64', '1e400'],
  ['-1e400', 'in_float32', '-1e400'],
  ['an overflow of float32', 'in_float32', '1e39'],
  ['an overflow of float16', 'in_float16', '65536'],
  ['a number as a text', 'in_float32', '"1"'],
  ['a NaN as a text', 'in_float32', '"NaN"'],
  ['a boolean for a number', 'in_int32', 'true'],
  ['a number for a boolean', 'in_bool', '1'],
  ['a number for a text', 'in_string', '1'],
  ['null for a number', 'in_float32', 'null'],
  ['an array for a number', 'in_float32', '[1]'],
  ['an object for a number', 'in_float32', '{"valueOf": 1}'],
  ['a lone surrogate', 'in_string', '"\\ud800"'],
  ['a text too long', 'in_string', JSON.stringify('x'.repeat(100_001))],
];

function withElement(name: keyof typeof everyType, json: string): string {
  return JSON.stringify({ input: { ...everyType, [name]: ['@', everyType[name][1]] } }).replace(
    '"@"',
    json,
  );
}

/** Shapes: model, input, pointer. */
const SHAPES: [string, string, unknown, string][] = [
  ['too few features', 'iris', [1, 2, 3], '/input'],
  ['too many features', 'iris', [1, 2, 3, 4, 5], '/input'],
  ['no features', 'iris', [], '/input'],
  [
    'an object of other features',
    'iris',
    { sepal_length: 1, sepal_width: 1, petal_length: 1, petal_width: 1, k0: 1 },
    '/input/k0',
  ],
  ['a dimension too many', 'variable_length', [[1]], '/input/0'],
  ['a dimension too few', 'variable_length', 1, '/input'],
  ['a dimension of zero', 'variable_length', [], '/input'],
  ['an array where a scalar is due', 'fixed_rows', 1, '/input'],
  ['a declared shape, whose product overflows', 'variable_length', shaped([2 ** 32, 2 ** 32]), ''],
  ['a declared shape with a negative dimension', 'variable_length', shaped([-1]), ''],
  ['a declared shape with a fractional dimension', 'variable_length', shaped([1.5]), ''],
  ['a declared shape with a dimension of zero', 'variable_length', shaped([0]), ''],
  ['a declared shape that disagrees with its data', 'variable_length', shaped([7]), ''],
];

function shaped(shape: number[]) {
  return { x: { shape, data: [1, 2, 3] } };
}

/** Pictures: status and what they are. */
const PICTURES: [string, Buffer | string, number][] = [
  ['no base64', '§§§', 422],
  ['nothing', '', 422],
  ['base64 cut off', IMAGES.png.toString('base64').slice(0, 13), 422],
  ['a picture without pixels', IMAGES.noPixels, 422],
  ['a picture cut off in its header', IMAGES.cutOff, 422],
  ['a GIF without a picture', IMAGES.gifWithoutFrame, 422],
  ['an AVIF without pixels', IMAGES.avifWithoutPixels, 422],
  ['a TIFF', IMAGES.tiff, 415],
  ['an SVG', IMAGES.svg, 415],
  ['an SVG as a data URI', `data:image/svg+xml;base64,${IMAGES.svg.toString('base64')}`, 415],
  ['a JPEG that says it is a PNG', `data:image/png;base64,${IMAGES.jpeg.toString('base64')}`, 415],
  ['an animated PNG', IMAGES.animatedPng, 415],
  ['an animated WebP', IMAGES.animatedWebp, 415],
  ['a PNG that is an archive, too', IMAGES.pngWithZip, 415],
  ['a WebP that is an archive, too', IMAGES.webpWithZip, 415],
  ['a JPEG that is a page, too', IMAGES.jpegWithPage, 415],
  ['a GIF that is an archive, too', IMAGES.gifWithZip, 415],
  ['an AVIF that is a page, too', IMAGES.avifWithPage, 415],
  ['14,000² pixels in 0.6 MB', IMAGES.bomb, 413],
  ['65,535² pixels in a GIF of 35 bytes', IMAGES.gifBomb, 413],
  ['an AVIF that says it has 2^32 - 1 pixels a side', IMAGES.avifBomb, 413],
];

const PICTURE_CODES: Record<number, string> = {
  413: 'payload-too-large',
  415: 'unsupported-media-type',
  422: 'invalid-input',
};

/** What no field of a submission may be, in JSON. `null` is no field at all, except for an input. */
const FIELDS: Record<string, string[]> = {
  inputs: ['1', '"x"', '{}', 'true', '[]', JSON.stringify(Array(1001).fill(iris))],
  parameters: ['1', '"x"', '[]', 'true'],
  webhook: ['1', '"https://example.com"', '[]', 'true'],
  priority: ['1', '"urgent"', '"HIGH"', '[]', '{}', 'true', JSON.stringify('x'.repeat(1e5))],
  queue_timeout_s: ['"1"', '0', '-1', '1e308', '1e400', '-1e400', '[]', '{}', 'true', '31536001'],
  execution_timeout_s: ['"1"', '0', '-1', '1e308', '1e400', '[]', '{}', 'true', '301'],
  result_ttl_s: ['"1"', '0', '-1', '1.5', '1e308', '1e400', '[]', '{}', 'true', '604801'],
  metadata: [
    ...['1', '"x"', '[]', 'true', '{"a": 1}', '{"a": null}', '{"": "x"}', '{"a": "\\udfff"}'],
    ...['{"\\ud800": "x"}', JSON.stringify({ a: 'x'.repeat(513) })],
    ...[JSON.stringify({ ['x'.repeat(65)]: '' }), JSON.stringify(keys(17))],
  ],
  unknown: ['1', 'null'],
};

const WEBHOOK_FIELDS: Record<string, string[]> = {
  url: ['1', '[]', '{}', 'true', JSON.stringify(`https://example.com/${'x'.repeat(2048)}`)],
  events: ['1', '"failed"', '{}', 'true', '["born"]', '[1]', '[null]', '["failed","failed"]'],
  secret: ['"x"'],
};

const MODEL_FIELDS: Record<string, string[]> = {
  model: ['1', 'null', '""', '[]', '["iris"]', '{}', 'true', '"../iris"', '"iris\\u0000"'].concat(
    JSON.stringify('x'.repeat(64)),
  ),
  version: ['1', '""', '[]', '{}', 'true', '"0"', '"-1"', '"1.0"', '"latest"'],
};

function fieldRows(
  fields: Record<string, string[]>,
  at: string,
  path: string,
  bodyOf: (member: string, field: string) => string,
): BadRequest[] {
  return Object.entries(fields).flatMap(([field, values]) =>
    values.map((value) => ({
      name: `${at}/${field} that is ${value.slice(0, 30)}`,
      path,
      body: bodyOf(`${JSON.stringify(field)}: ${value}`, field),
      status: 422,
      code: 'invalid-request',
      pointers: [`${at}/${field}`],
    })),
  );
}

const BULK = { model: MODEL_FIELDS['model'] ?? [], status: ['1', '"failed"', '[]', '{}', 'true'] };

/** Every body that is refused for what it says. */
export const BAD_BODIES: BadRequest[] = [
  ...TEXTS.map(([name, body]) => ({ name, body, status: 400, code: 'invalid-json' })),
  { name: '100,000 keys', body: { input: keys(100_000) }, status: 413, code: 'payload-too-large' },
  {
    name: '100,000 keys to a model of any size',
    path: on('digits'),
    body: { input: keys(100_000) },
    status: 413,
    code: 'payload-too-large',
  },
  ...ELEMENTS.map(([name, input, json]) => ({
    name,
    path: on('every_dtype'),
    body: withElement(input, json),
    status: 422,
    code: 'invalid-input',
    pointers: [`/input/${input}/0`],
  })),
  ...SHAPES.map(([name, model, input, pointer]) => ({
    name,
    path: on(model),
    body: { input },
    status: 422,
    code: 'invalid-input',
    pointers: [pointer === '' ? '/input/x' : pointer],
  })),
  {
    name: 'rows of different lengths',
    path: on('two_inputs'),
    body: { inputs: [{ a: [1, 2], b: [[1, 2], [1]] }] },
    status: 422,
    code: 'invalid-input',
  },
  ...PICTURES.map(([name, picture, status]) => ({
    name,
    path: on('digits'),
    body: { inputs: [Buffer.isBuffer(picture) ? picture.toString('base64') : picture] },
    status,
    code: PICTURE_CODES[status] ?? '',
    pointers: ['/inputs/0'],
  })),
  { name: 'an array for a body', body: '[]', status: 422, code: 'invalid-request', pointers: [''] },
  { name: 'null for a body', body: 'null', status: 422, code: 'invalid-request', pointers: [''] },
  { name: 'no input', body: '{}', status: 422, code: 'invalid-request', pointers: [''] },
  ...['null', '1', '"x"', 'true', '{}', '[null, 1, 2, 3]', '[[1, 2, 3, 4]]'].map((input) => ({
    name: `/input that is ${input}`,
    body: `{"input": ${input}}`,
    status: 422,
    code: 'invalid-input',
  })),
  ...fieldRows(FIELDS, '', on('iris'), (member, field) =>
    field === 'inputs' ? `{${member}}` : `{"input": [1, 2, 3, 4], ${member}}`,
  ),
  ...fieldRows(
    WEBHOOK_FIELDS,
    '/webhook',
    on('iris'),
    (member, field) =>
      `{"input": [1, 2, 3, 4], "webhook": {${field === 'url' ? '' : '"url": "https://example.com", '}${member}}}`,
  ),
  ...fieldRows(
    MODEL_FIELDS,
    '',
    '/v1/predict',
    (member, field) =>
      `{"input": [1, 2, 3, 4], ${field === 'model' ? '' : '"model": "iris", '}${member}}`,
  ),
  ...fieldRows(
    BULK,
    '',
    '/v1/jobs/cancel',
    (member, field) => `{${field === 'model' ? '' : '"model": "iris", '}${member}}`,
  ),
  {
    name: 'a parameter of another type',
    body: { input: iris, parameters: { top_k: '1' } },
    status: 422,
    code: 'invalid-input',
    pointers: ['/parameters/top_k'],
  },
  {
    name: 'a parameter beyond all measure',
    body: `{"input": [1, 2, 3, 4], "parameters": {"top_k": 1e308}}`,
    status: 422,
    code: 'invalid-input',
    pointers: ['/parameters/top_k'],
  },
];
