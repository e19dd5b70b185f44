import { PbfWriter } from 'pbf';

/** Numbers of fields and values in onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
const MODEL = { irVersion: 1, graph: 7, opsetImport: 8 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, opType: 4 };
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9 };
const FLOAT = 1;
const IR_VERSION = 8;
const OPSET = 17;

/**
 * @typedef {object} Layer
 * @property {number} inputs
 * @property {number} outputs
 */

/**
 * A multilayer perceptron: `x` float32 `[batch, inputs of the first]` to `scores` `[batch, outputs of the last]`, ReLU
 * between the layers. The weights are random, the same at each call.
 *
 * @param {readonly Layer[]} layers
 * @returns {Uint8Array} an ONNX file
 */
export function perceptron(layers) {
  const random = generator(1);
  const pbf = new PbfWriter();
  pbf.writeVarintField(MODEL.irVersion, IR_VERSION);
  pbf.writeMessage(
    MODEL.graph,
    (_, graph) => {
      graph.writeStringField(GRAPH.name, 'perceptron');
      layers.forEach(({ inputs, outputs }, i) => {
        const last = i === layers.length - 1;
        const [from, sum] = [i === 0 ? 'x' : `h${i}`, last ? 'scores' : `sum${i + 1}`];
        writeNode(graph, 'Gemm', [from, `w${i}`, `b${i}`], sum);
        if (!last) writeNode(graph, 'Relu', [sum], `h${i + 1}`);
        const scale = Math.sqrt(6 / inputs);
        const weights = Float32Array.from({ length: inputs * outputs }, () => scale * random());
        writeTensor(graph, `w${i}`, [inputs, outputs], weights);
        writeTensor(graph, `b${i}`, [outputs], new Float32Array(outputs));
      });
      writeValue(graph, GRAPH.input, 'x', layers[0]?.inputs ?? 0);
      writeValue(graph, GRAPH.output, 'scores', layers.at(-1)?.outputs ?? 0);
    },
    undefined,
  );
  // The operator set's domain is the default one, which is empty.
  pbf.writeMessage(MODEL.opsetImport, (_, opset) => opset.writeVarintField(2, OPSET), undefined);
  return pbf.finish();
}

/**
 * @param {PbfWriter} graph
 * @param {string} opType
 * @param {readonly string[]} inputs
 * @param {string} output
 */
function writeNode(graph, opType, inputs, output) {
  graph.writeMessage(
    GRAPH.node,
    (_, node) => {
      for (const input of inputs) node.writeStringField(NODE.input, input);
      node.writeStringField(NODE.output, output);
      node.writeStringField(NODE.opType, opType);
    },
    undefined,
  );
}

/**
 * @param {PbfWriter} graph
 * @param {string} name
 * @param {readonly number[]} dims
 * @param {Float32Array} values
 */
function writeTensor(graph, name, dims, values) {
  graph.writeMessage(
    GRAPH.initializer,
    (_, tensor) => {
      for (const dim of dims) tensor.writeVarintField(TENSOR.dims, dim);
      tensor.writeVarintField(TENSOR.dataType, FLOAT);
      tensor.writeStringField(TENSOR.name, name);
      tensor.writeBytesField(TENSOR.rawData, new Uint8Array(values.buffer));
    },
    undefined,
  );
}

/**
 * A ValueInfoProto: float32 `[batch, size]`.
 *
 * @param {PbfWriter} graph
 * @param {number} field
 * @param {string} name
 * @param {number} size
 */
function writeValue(graph, field, name, size) {
  /** @param {PbfWriter} shape */
  const writeDims = (shape) => {
    shape.writeMessage(1, (_, dim) => dim.writeStringField(2, 'batch'), undefined);
    shape.writeMessage(1, (_, dim) => dim.writeVarintField(1, size), undefined);
  };
  graph.writeMessage(
    field,
    (_, value) => {
      value.writeStringField(1, name);
      value.writeMessage(
        2,
        (__, type) =>
          type.writeMessage(
            1,
            (___, tensor) => {
              tensor.writeVarintField(1, FLOAT);
              tensor.writeMessage(2, (____, shape) => writeDims(shape), undefined);
            },
            undefined,
          ),
        undefined,
      );
    },
    undefined,
  );
}

/**
 * Mulberry32, a small generator with a good enough spread.
 *
 * @param {number} seed
 * @returns {() => number} the next number from -1 to 1
 */
export function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}
